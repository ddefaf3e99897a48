"""What the keys of a rule hold, one by one: text, numbers, durations, names of rules."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import duckdb

from storage.asking import check_reads
from storage.errors import ConfigurationError
from tasks.alerts.expressions import check_expressions
from tasks.wording import LONGEST, parse_duration

NUMBERS = ("warning", "critical", "clear", "clear_critical")
DURATIONS = ("for", "keep_firing_for", "no_data_for", "timeout", "over")
MOST = 1e300


class WrongValueError(ValueError):
    """What is wrong with a rule, and with which of its keys; None where one is missing."""

    def __init__(self, key: str | None, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def converted(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a rule as TOML or JSON have them, as Python has them.

    Raises:
        WrongValueError: one is of another type, or not a duration.
    """
    return {key: _converted(key, value) for key, value in values.items()}


def _converted(key: str, value: Any) -> Any:
    if key in NUMBERS:
        return _number(key, value)
    if key in DURATIONS:
        return _duration(key, value)
    if key == "inhibits":
        return _names(key, value)
    if not isinstance(value, str):
        raise WrongValueError(key, f"{key} must be text, not {_shown(value)}")
    return value


def _number(key: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -MOST <= value <= MOST:
        raise WrongValueError(key, f"{key} must be a number, not {_shown(value)}")
    return float(value)


def _duration(key: str, value: Any) -> timedelta:
    duration = parse_duration(value) if isinstance(value, str) else None
    if duration is None:
        raise WrongValueError(key, f"{key} must be a duration like 30s, 5m, 2h or 1d, up to {LONGEST.days}d, not {_shown(value)}")
    if not duration and key in ("timeout", "over"):
        raise WrongValueError(key, f"{key} must be longer than nothing")
    return duration


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise WrongValueError(key, f"{key} must be a list of names of rules, not {_shown(value)}")
    return tuple(value)


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:60]}..."


def check_select(key: str, sql: str, parameters: frozenset[str]) -> None:
    """Whether `sql` is one SELECT that only reads, from which others can select, with no bind parameters but these.

    Raises:
        WrongValueError: it is not.
    """
    try:
        check_reads(sql)
        check_expressions(sql)
        (statement,) = duckdb.extract_statements(sql)
    except ConfigurationError as error:
        raise WrongValueError(key, f"{key} {error}") from error
    if statement.type != duckdb.StatementType.SELECT:
        raise WrongValueError(key, f"{key} must be one SELECT")
    unknown = statement.named_parameters - parameters
    if unknown:
        allowed = " and ".join(f"${name}" for name in sorted(parameters)) or "none"
        raise WrongValueError(key, f"{key} has the bind parameter ${min(unknown)}; it may have {allowed}")
    try:
        duckdb.extract_statements(f"SELECT * FROM ({statement.query.rstrip().rstrip(';')}\n)")
    except duckdb.Error as error:
        raise WrongValueError(key, f"{key} must be one SELECT, with nothing after a semicolon") from error
