"""Alert rules: data in TOML, the shipped set plus the user's own file; a rule of the same name replaces the shipped one,
and one that has only exceptions adds them to it.
docs/rules.md says how to write one."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError
from tasks.alerts.rule import Rule
from tasks.alerts.rule_files import Entry, read_entries
from tasks.alerts.rule_mistakes import WrongValueError
from tasks.alerts.shorthands import FORMS
from tasks.alerts.written_rule import rule_of

SHIPPED = Path(__file__).with_name("rules.toml")
SHIPPED_SOURCE = "shipped"


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
    together = shipped | {rule.name: (rule, _source(own, entry)) for entry, rule in added}
    _check_inhibits(added, [rule for rule, _ in together.values()])
    return tuple(together.values())


def _source(own: Path | None, entry: Entry) -> str:
    return f"{SHIPPED_SOURCE}, with exceptions of {own}" if _only_adds(entry) else str(own)


def _only_adds(entry: Entry) -> bool:
    """Whether it has nothing but exceptions, for a shipped rule that stays."""
    return entry.values.keys() == {"name", "except"}


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
            rule = rule_of(_values(entry, path))
        except WrongValueError as error:
            raise entry.refusal(error.key, str(error)) from error
        if rule.name in rules:
            raise entry.refusal("name", "appears twice; give each rule its own name")
        rules[rule.name] = (entry, rule)
    return list(rules.values())


def _values(entry: Entry, path: Path) -> Mapping[str, Any]:
    """What the entry says; of one that adds exceptions to a shipped rule, with what that rule says."""
    name = entry.values.get("name")
    if path == SHIPPED or "except" not in entry.values or any(form in entry.values for form in FORMS):
        return entry.values
    shipped = {each.values["name"]: each.values for each in read_entries(SHIPPED)}
    if name not in shipped:
        raise WrongValueError("name", "is no shipped rule, so it needs more than exceptions: sql, metric or finding")
    if not _only_adds(entry):
        other = next(key for key in entry.values if key not in ("name", "except"))
        raise WrongValueError(other, f"{other}: a shipped rule takes only except; to replace the rule, give all of it")
    return {**shipped[name], **entry.values}


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
        said = f"inhibits form a circle:  {', '.join(reversed(circle))}"
        refusals = [entry.refusal("inhibits", said) for entry, rule in added if rule.name in circle]
        raise next(iter(refusals), ConfigurationError(said)) from error
