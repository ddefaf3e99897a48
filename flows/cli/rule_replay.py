"""What a rule would have done over the last days: the work of `govpulse alerts test`.

Rules read the private warehouse, which one process holds at a time. A replay takes long, so it goes by turns: it holds the
warehouse for half a second, lets others have theirs, and queues up again.
"""

import difflib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from rich.progress import track

from flows.printing import console
from storage.asking.permission import tables_in
from storage.asking.reader import Reader
from storage.catalogue import TABLES, Table
from storage.errors import ConfigurationError
from storage.home import Home
from storage.limits import Limits
from storage.printable import printable
from storage.warehouse import REMEDY, turn, warehouse
from tasks.alerts.observing import observe
from tasks.alerts.replay import Episode, replay
from tasks.alerts.rule import Rule
from tasks.alerts.rules import load_rules
from tasks.alerts.states import Observation
from tasks.alerts.teams import Teams, read_teams

TURN_SECONDS = 0.5


@dataclass
class Turns:
    """What a rule sees, asked of the warehouse in short turns; counts the instants at which it saw something."""

    home: Home
    limits: Limits
    rule: Rule
    seconds: float = TURN_SECONDS
    looks: int = 0
    sights: int = 0
    _held: ExitStack = field(default_factory=ExitStack)
    _since: float | None = None
    _teams: Teams | None = None

    def __post_init__(self) -> None:
        self._reader = Reader(self.limits, self.home.spill)

    def __enter__(self) -> "Turns":
        with warehouse(self.home, self.limits):
            pass  # brings it to the newest migration
        self._reader.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()
        self._reader.__exit__(None, None, None)

    def observe(self, now: datetime) -> list[Observation]:
        """What the rule sees as of `now`."""
        if self._since is None:
            self._held.enter_context(turn(self.home, self.limits))
            self._held.enter_context(self._reader.reading(self.home.warehouse, "warehouse", REMEDY))
            self._since = time.monotonic()
        if self._teams is None:
            self._teams = read_teams(self._reader.ask)
        found = observe(self._reader.ask, self.rule, now, teams=self._teams)
        self.looks, self.sights = self.looks + 1, self.sights + bool(found)
        if time.monotonic() - self._since >= self.seconds:
            self._let_go()
        return found

    def newest_only(self) -> list[str]:
        """The tables that the rule reads and that hold only what is, not what was."""
        try:
            names = tables_in(re.sub(r"\$as_of\b", "now()", self.rule.sql))
        except duckdb.Error:  # `observe` says what is wrong with it
            return []
        return sorted(name for name in names if name in TABLES and _is_newest_only(TABLES[name]))

    def _let_go(self) -> None:
        self._since = None
        self._held.close()


def _is_newest_only(table: Table) -> bool:
    return table.verb in ("replace", "view") and table.time_column is None


@dataclass(frozen=True)
class Replayed:
    """A replay and how much there was to see."""

    episodes: list[Episode]
    looks: int
    sights: int
    newest_only: list[str]


def replay_rule(turns: Turns, instants: Sequence[datetime]) -> Replayed:
    """Replay the rule over `instants`, with a progress bar on a terminal."""
    newest_only = turns.newest_only()
    episodes = replay(turns.rule, turns.observe, shown(instants, f"replaying {turns.rule.name}"))
    return Replayed(episodes, turns.looks, turns.sights, newest_only)


def shown(instants: Sequence[datetime], label: str) -> Iterator[datetime]:
    """The instants, with a progress bar on a terminal."""
    is_seen = sys.stderr.isatty()
    yield from track(instants, printable(label), console=console(sys.stderr, is_seen), transient=True, disable=not is_seen)


def instants_until(end: datetime, span: timedelta, every: timedelta) -> list[datetime]:
    """Instants `every` so often over `span`, the last of them `end`."""
    return [end - every * step for step in range(span // every, -1, -1)]


def says_as_of(rule: Rule) -> bool:
    """Whether the rule looks at an instant, so that the past can be replayed; of SQL that cannot be read `observe` says why."""
    try:
        return any("as_of" in statement.named_parameters for statement in duckdb.extract_statements(rule.sql))
    except duckdb.Error:
        return True


def find_rule(name: str, own: Path | None) -> Rule:
    """The rule of this name, of the shipped ones and those of the file `own`.

    Raises:
        ConfigurationError: there is none; names those whose names are near.
    """
    rules = {rule.name: rule for rule in load_rules(own)}
    if name not in rules:
        near = difflib.get_close_matches(name, rules, n=3) or sorted(rules)
        raise ConfigurationError(f"no rule {name}; did you mean {', '.join(near)}?")
    return rules[name]
