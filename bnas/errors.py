"""Errors a user can cause. Every message states the rule, the offending value and the remedy."""


class BnasError(Exception):
    """Base of all errors that the command line reports without a traceback (exit status 2)."""


class InvalidArchitecture(BnasError):
    """An architecture breaks a validity rule or its file does not describe one."""


class InvalidSpace(BnasError):
    """A search-space file is wrong, or an architecture is not a member of the space."""


class InvalidEvaluator(BnasError):
    """An evaluator file is wrong."""


class InvalidConfiguration(BnasError):
    """An option or a configuration key is unknown, or has a value that is not allowed."""


class InvalidData(BnasError):
    """A data set cannot be read or has a shape that training cannot use."""


class InvalidWeights(BnasError):
    """The folder of a trained network is damaged, or its files do not belong together."""


class RunError(BnasError):
    """A run folder is missing, damaged, in use, or already exists."""


class EvaluationFailed(BnasError):
    """An evaluation ended without a usable score (divergence, NaN)."""
