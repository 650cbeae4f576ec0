"""Definition files (search spaces, evaluators): looked up by name, read and validated."""

from bnas.definitions.document import dump_yaml, parse_value
from bnas.definitions.lookup import Kind, available, find
from bnas.definitions.validation import Findings, load_yaml, validate

__all__ = [
    "Findings",
    "Kind",
    "available",
    "dump_yaml",
    "find",
    "load_yaml",
    "parse_value",
    "validate",
]
