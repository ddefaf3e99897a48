"""Alert rules: data in TOML, the shipped set plus the user's own file; a rule of the same name replaces the shipped one.
docs/rules.md says how to write one."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from storage.errors import ConfigurationError
from storage.warehouse import quote_text
from tasks.alerts.rule_files import NAME, Entry, read_entries
from tasks.alerts.rule_values import WrongValueError, check_select, converted
from tasks.alerts.shorthands import FORMS, METRIC_KEYS, expand

SHIPPED = Path(__file__).with_name("rules.toml")
SHIPPED_SOURCE = "shipped"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACEHOLDERS = ("subject", "value", "detail")


@dataclass(frozen=True)
class Rule:
    """One rule: `sql` yields `subject`, `value`, if it likes a sentence as `detail`, and further columns as labels; thresholds fire
    at or beyond.

    Attributes:
        direction: `above` fires at or above a threshold, `below` at or below it.
        clear: how far the value has to go back; by default just back over the warning threshold.
        clear_critical: how far it has to go back for a critical alert to be a warning again.
        pending_for: how long the condition must hold before it fires (`for` in the file).
        keep_firing_for: how long it must be gone before it resolves.
        no_data_for: with it, a subject without a value keeps its state, and after this long is said to have no data;
            without it, a subject that the SELECT no longer yields has resolved.
        timeout: of the SELECT.
        inhibits: rules whose alerts about the same subject are not told while one of this rule is active.
        evidence: a SELECT whose rows show why, with {subject} and {as_of} in it; `evidence_query` fills them in.
    """

    name: str
    sql: str
    warning: float | None = None
    critical: float | None = None
    clear: float | None = None
    clear_critical: float | None = None
    direction: Literal["above", "below"] = "above"
    pending_for: timedelta = timedelta()
    keep_firing_for: timedelta = timedelta()
    no_data_for: timedelta | None = None
    timeout: timedelta = timedelta(seconds=30)
    unit: str = ""
    message: str = ""
    runbook: str = ""
    inhibits: tuple[str, ...] = ()
    evidence: str = ""


KEYS = tuple("for" if field.name == "pending_for" else field.name for field in fields(Rule))
"""Of a rule in a file, the shorthands and what goes with them apart."""
ALL_KEYS = (*KEYS, *FORMS[1:], *METRIC_KEYS)


def evidence_query(rule: Rule, subject: str, as_of: datetime) -> str:
    """The SELECT that shows why there was an alert about `subject` at `as_of`; empty if the rule has none."""
    known = {"{subject}": quote_text(subject), "{as_of}": f"TIMESTAMPTZ '{as_of.isoformat()}'"}
    return re.sub(r"\{(?:subject|as_of)\}", lambda found: known[found[0]], rule.evidence).strip()


def load_rules(own: Path | None) -> tuple[Rule, ...]:
    """The shipped rules and those of the file `own`.

    Raises:
        ConfigurationError: names file, line, rule and key.
    """
    return tuple(rule for rule, _ in load_with_sources(own))


def load_with_sources(own: Path | None) -> tuple[tuple[Rule, str], ...]:
    """The same, each with where it is from: `shipped`, or the file."""
    shipped = {rule.name: (rule, SHIPPED_SOURCE) for _, rule in _read(SHIPPED)}
    added = _read(own) if own is not None else []
    together = shipped | {rule.name: (rule, str(own)) for _, rule in added}
    _check_inhibits(added, [rule for rule, _ in together.values()])
    return tuple(together.values())


def read_rules(path: Path) -> list[Rule]:
    """The rules of one file.

    Raises:
        ConfigurationError: names file, line, rule and key.
    """
    return [rule for _, rule in _read(path)]


def _read(path: Path) -> list[tuple[Entry, Rule]]:
    rules: dict[str, tuple[Entry, Rule]] = {}
    for entry in read_entries(path):
        try:
            rule = rule_of(entry.values)
        except WrongValueError as error:
            raise entry.refusal(error.key, str(error)) from error
        if rule.name in rules:
            raise entry.refusal("name", "is there twice; give each its own name")
        rules[rule.name] = (entry, rule)
    return list(rules.values())


def rule_of(values: Mapping[str, Any]) -> Rule:
    """The rule with these keys and values, as in a rules file.

    Raises:
        WrongValueError: which key, and what is wrong with it.
    """
    unknown = [key for key in values if key not in ALL_KEYS]
    if unknown:
        raise WrongValueError(unknown[0], f"unknown key {unknown[0]!r}; known are {', '.join(sorted(ALL_KEYS))}")
    expanded = expand(converted(values))
    if "name" not in expanded:
        raise WrongValueError(None, "needs a name")
    rule = Rule(**{("pending_for" if key == "for" else key): value for key, value in expanded.items()})
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    if not NAME.fullmatch(rule.name):
        raise WrongValueError("name", f"a name has letters, digits, _, - and . only, up to 100, unlike {rule.name[:60]!r}")
    if rule.direction not in ("above", "below"):
        raise WrongValueError("direction", f"direction must be above or below, not {rule.direction!r}")
    _check_thresholds(rule)
    _check_message(rule.message)
    check_select("sql", rule.sql, frozenset({"as_of"}))
    if rule.evidence.strip():
        check_select("evidence", evidence_query(rule, "x", EPOCH), frozenset())


def _check_thresholds(rule: Rule) -> None:
    if rule.warning is None and rule.critical is None:
        raise WrongValueError(None, "needs a warning or a critical threshold")
    if rule.clear_critical is not None and rule.critical is None:
        raise WrongValueError("clear_critical", "clear_critical needs a critical threshold")
    sign = 1 if rule.direction == "above" else -1
    for names in (("clear", "warning", "critical"), ("clear", "clear_critical", "critical")):
        given = [(name, value * sign) for name in names if (value := getattr(rule, name)) is not None]
        for (less, low), (more, high) in pairwise(given):
            if low > high:
                said = f"{', '.join(names[:-1])} and {names[-1]} must be in order, the worst last"
                raise WrongValueError(less if less.startswith("clear") else more, said)


def _check_message(message: str) -> None:
    said = "message may only hold {subject}, {value} and {detail}"
    try:
        parts = list(Formatter().parse(message))
    except ValueError as error:
        raise WrongValueError("message", said) from error
    if any(name is not None and (name not in PLACEHOLDERS or form or conversion) for _, name, form, conversion in parts):
        raise WrongValueError("message", said)


def _check_inhibits(added: Collection[tuple[Entry, Rule]], together: Collection[Rule]) -> None:
    """Whether what the added rules inhibit is there, and none in the end inhibits itself: it would never be told."""
    by_name = {rule.name: rule for rule in together}
    for entry, rule in added:
        unknown = [name for name in rule.inhibits if name not in by_name]
        if unknown:
            raise entry.refusal("inhibits", f"inhibits an unknown rule {unknown[0]!r}")
    try:
        TopologicalSorter({name: rule.inhibits for name, rule in by_name.items()}).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        said = f"inhibits goes in a circle: {', '.join(reversed(circle))}"
        refusals = [entry.refusal("inhibits", said) for entry, rule in added if rule.name in circle]
        raise next(iter(refusals), ConfigurationError(said)) from error
