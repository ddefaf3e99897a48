"""Alert rules: data in TOML, the shipped set plus the user's own file; a rule of the same name replaces the shipped one.
docs/rules.md says how to write one."""

from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from storage.errors import ConfigurationError
from tasks.alerts.rule import Rule
from tasks.alerts.rule_files import Entry, read_entries
from tasks.alerts.rule_mistakes import WrongValueError
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
            raise entry.refusal("name", "appears twice; give each rule its own name")
        rules[rule.name] = (entry, rule)
    return list(rules.values())


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
