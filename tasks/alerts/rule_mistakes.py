"""What is wrong with a rule, in one plain line: pydantic's findings in our words."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "finite_number": "a number",
    "less_than_equal": "a number",
    "greater_than_equal": "a number",
    "tuple_type": "a list of rule names",
}
"""What pydantic calls a mistake, and what there should have been."""


class WrongValueError(ValueError):
    """What is wrong with a rule, and with which of its keys; None where one is missing."""

    def __init__(self, key: str | None, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def mistake_of(error: ValidationError, values: Mapping[str, Any], known: Sequence[str]) -> WrongValueError:
    """The first of them in our words; an unknown key before all, for what is missing may stand there."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    raised = first.get("ctx", {}).get("error")
    if isinstance(raised, WrongValueError):
        return raised
    key = str(first["loc"][0])
    if first["type"] == "missing":
        return WrongValueError(None, f"needs a {key}")
    if first["type"] == "extra_forbidden":
        return WrongValueError(key, f"unknown key {key!r}; known keys are {', '.join(sorted(known))}")
    if raised is not None:
        return WrongValueError(key, f"{key} {raised}")
    kind = "tuple_type" if len(first["loc"]) > 1 else first["type"]
    expected = EXPECTED.get(kind) or first.get("ctx", {}).get("expected", "text")
    return WrongValueError(key, f"{key} must be {expected}, not {shown(values[key])}")


def shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:60]}..."
