"""Alert rules: data in TOML, the shipped set plus the user's own file; a rule of the same name replaces the shipped one."""

import math
import re
import tomllib
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from storage.errors import ConfigurationError

SHIPPED = Path(__file__).with_name("rules.toml")
DURATIONS = {"for", "keep_firing_for", "no_data_for"}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Rule:
    """One rule: `sql` yields `subject`, `value`, if it likes a sentence as `detail`, and further columns as labels; thresholds fire
    at or beyond.

    Attributes:
        direction: `above` fires at or above a threshold, `below` at or below it.
        clear: how far the value has to go back; by default just back over the warning threshold.
        pending_for: how long the condition must hold before it fires (`for` in the file).
        keep_firing_for: how long it must be gone before it resolves.
        no_data_for: with it, a subject without a value keeps its state, and after this long is said to have no data;
            without it, a subject that the SELECT no longer yields has resolved.
    """

    name: str
    sql: str
    warning: float | None = None
    critical: float | None = None
    clear: float | None = None
    direction: Literal["above", "below"] = "above"
    pending_for: timedelta = timedelta()
    keep_firing_for: timedelta = timedelta()
    no_data_for: timedelta | None = None
    unit: str = ""
    message: str = ""
    runbook: str = ""


def load_rules(own: Path | None) -> tuple[Rule, ...]:
    """The shipped rules and those of the file `own`.

    Raises:
        ConfigurationError: names file, rule and key.
    """
    rules = {rule.name: rule for rule in read_rules(SHIPPED)}
    if own is not None:
        rules |= {rule.name: rule for rule in read_rules(own)}
    return tuple(rules.values())


def read_rules(path: Path) -> list[Rule]:
    """The rules of one file."""
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"cannot read the rules file {path}: {error.strerror}; see [alerts] rules") from error
    except ValueError as error:
        raise ConfigurationError(f"rules file {path}: {error}") from error
    unknown = set(document) - {"rule"}
    if unknown:
        raise ConfigurationError(f"rules file {path}: unknown key {min(unknown)}; rules begin with [[rule]]")
    entries = document.get("rule", [])
    if not isinstance(entries, list):
        raise ConfigurationError(f"rules file {path}: rules begin with [[rule]], in double brackets")
    rules = [_rule(path, number, entry) for number, entry in enumerate(entries, 1)]
    _refuse_doubles(path, [rule.name for rule in rules])
    return rules


def _refuse_doubles(path: Path, names: list[str]) -> None:
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise ConfigurationError(f"rules file {path}: rule {min(doubles)} is there twice; give each its own name")


def _rule(path: Path, number: int, entry: dict[str, Any]) -> Rule:
    where = f"rules file {path}: rule {entry.get('name') or f'number {number}'}"
    known = {field.name for field in fields(Rule)} - {"pending_for"} | {"for"}
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ConfigurationError(f"{where}: unknown key {unknown[0]}; known are {', '.join(sorted(known))}")
    values = {("pending_for" if key == "for" else key): _value(where, key, value) for key, value in entry.items()}
    try:
        rule = Rule(**values)
    except TypeError as error:
        raise ConfigurationError(f"{where}: needs a name and a sql") from error
    _check(where, rule)
    return rule


def _value(where: str, key: str, value: Any) -> Any:
    if key in DURATIONS:
        return _duration(where, key, value)
    if key in ("warning", "critical", "clear"):
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ConfigurationError(f"{where}: {key} must be a number, not {value!r}")
        return float(value)
    if not isinstance(value, str):
        raise ConfigurationError(f"{where}: {key} must be text, not {value!r}")
    return value


def _duration(where: str, key: str, value: Any) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", value) if isinstance(value, str) else None
    if not match:
        raise ConfigurationError(f"{where}: {key} must be a duration like 30s, 5m, 2h or 1d, not {value!r}")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _check(where: str, rule: Rule) -> None:
    if rule.warning is None and rule.critical is None:
        raise ConfigurationError(f"{where}: needs a warning or a critical threshold")
    try:
        rule.message.format(subject="", value="", detail="")
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"{where}: message may only hold {{subject}}, {{value}} and {{detail}}") from error
    if rule.direction not in ("above", "below"):
        raise ConfigurationError(f"{where}: direction must be above or below, not {rule.direction!r}")
    sign = 1 if rule.direction == "above" else -1
    ordered = [value * sign for value in (rule.clear, rule.warning, rule.critical) if value is not None]
    if ordered != sorted(ordered):
        raise ConfigurationError(f"{where}: clear, warning and critical must be in order, the worst last")
