"""Definition files (search spaces, evaluators): looked up by name, read and validated."""

from bnas.definitions.document import parse_value
from bnas.definitions.lookup import Kind, available, find
from bnas.definitions.validation import Findings, load_yaml, validate

__all__ = ["Findings", "Kind", "available", "find", "load_yaml", "parse_value", "validate"]
