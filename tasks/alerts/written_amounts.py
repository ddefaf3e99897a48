"""Thresholds as they are written: a number, or an amount with a unit; and which column they are about."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from tasks.alerts.amounts import Amount, parse_amount, write_amount
from tasks.alerts.exceptions import MEASURES, UNITS
from tasks.alerts.rule_mistakes import WrongValueError, shown

MOST = 1e300
WITH_UNIT = "^ *[0-9][0-9. ]*[A-Za-z%]"
THRESHOLDS = ("warning", "critical", "clear", "clear_critical")


def _threshold(value: Any) -> float | Amount:
    amount = parse_amount(value) if isinstance(value, str) else None
    if amount is not None:
        return amount
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST <= value <= MOST:
        raise ValueError(f"must be a number, or an amount like 20GB, 3 days or 95%, not {shown(value)}")
    return float(value)


Threshold = Annotated[
    Any,
    BeforeValidator(_threshold),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": -MOST, "maximum": MOST}, {"type": "string", "pattern": WITH_UNIT}]}),
]


def measure_of(values: Mapping[str, Any], unit: str, sql: str) -> tuple[dict[str, float], str]:
    """Thresholds as numbers, and the column that they are about: empty for `value`, as where the unit is the rule's own.

    Raises:
        WrongValueError: they are about more than one, or the SELECT does not yield it.
    """
    first = next(iter(values), "")
    columns = {key: _column(key, value, unit) for key, value in values.items()}
    if len(set(columns.values())) > 1:
        raise WrongValueError([*values][-1], f"{' and '.join(values)} must be in one unit")
    column = next(iter(columns.values()), "")
    if column and column not in sql:
        said = f"{first} is in {'free bytes' if column == 'bytes_free' else 'time left'}, and the rule yields no {column}"
        raise WrongValueError(first, said)
    return {key: value.value if isinstance(value, Amount) else value for key, value in values.items()}, column


def _column(key: str, value: float | Amount, unit: str) -> str:
    if not isinstance(value, Amount) or value.unit == unit:
        return ""
    if value.unit not in MEASURES:
        raise WrongValueError(key, f"{key} is in {value.unit}, and the rule's unit is {unit or 'none'}")
    return MEASURES[value.unit].column


def written_thresholds(thresholds: Mapping[str, float | None], measure: str) -> dict[str, float | str]:
    """What `measure_of` reads."""
    given = {key: value for key, value in thresholds.items() if value is not None}
    return {key: write_amount(value, UNITS[measure]) if measure else value for key, value in given.items()}
