"""What is wrong with a rule, in one plain line: pydantic's findings in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "finite_number": "a number",
    "less_than_equal": "a number",
    "greater_than_equal": "a number",
    "tuple_type": "a list of rule names",
    "bool_type": "true or false",
}
"""What pydantic calls a mistake, and what there should have been."""


class WrongValueError(ValueError):
    """What is wrong with a rule, and with which of its keys; None where one is missing."""

    def __init__(self, key: str | None, problem: str) -> None:
        super().__init__(problem)
        self.key = key


@contextmanager
def in_exception(number: int) -> Iterator[None]:
    """What is wrong inside the block is wrong with this exception of the rule."""
    try:
        yield
    except WrongValueError as error:
        raise _of_exception(number, error) from error


def _of_exception(number: int, error: WrongValueError) -> WrongValueError:
    key = f"except {number}" if error.key is None else f"except {number}.{error.key}"
    return WrongValueError(key, f"exception {number}: {error}")


def mistake_of(error: ValidationError, values: Mapping[str, Any], known: Sequence[str]) -> WrongValueError:
    """The first of them in our words; an unknown key before all, for what is missing may stand there."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    raised = first.get("ctx", {}).get("error")
    if isinstance(raised, WrongValueError):
        return raised
    if first["loc"][:1] == ("except",):
        return _mistake_in_exceptions(first, values["except"])
    return _mistake(first, values, known)


def _mistake_in_exceptions(first: Mapping[str, Any], exceptions: Any) -> WrongValueError:
    if len(first["loc"]) < 3:
        return WrongValueError("except", "except must be tables: write [[rule.except]], in double brackets")
    number, keys = int(first["loc"][1]), ("match", "off", "warning", "critical", "clear", "clear_critical", "until")
    return _of_exception(number + 1, _mistake({**first, "loc": first["loc"][2:]}, exceptions[number], keys))


def _mistake(first: Mapping[str, Any], values: Mapping[str, Any], known: Sequence[str]) -> WrongValueError:
    raised = first.get("ctx", {}).get("error")
    key = str(first["loc"][0])
    if first["type"] == "missing":
        return WrongValueError(None, f"needs a {key}")
    if first["type"] == "extra_forbidden":
        return WrongValueError(key, f"unknown key {key!r}; known keys are {', '.join(sorted(known))}")
    if raised is not None:
        return WrongValueError(key, f"{key} {raised}")
    if key == "group_by":
        return WrongValueError(key, f'group_by must be a list of labels, like ["host"], not {shown(values[key])}')
    kind = "tuple_type" if len(first["loc"]) > 1 else first["type"]
    expected = EXPECTED.get(kind) or first.get("ctx", {}).get("expected", "text")
    return WrongValueError(key, f"{key} must be {expected}, not {shown(values[key])}")


def shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:60]}..."
