"""The evaluation's I/O: runs the rules' SELECTs on the warehouse, reads alerts.alerts, and writes alerts, transitions and outbox
rows in one transaction."""

import gc
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.asking.reader import Ask, Reader, asking_on
from storage.catalogue import TABLES
from storage.errors import GovpulseError
from storage.fingerprints import fingerprint
from storage.frames import fetch, registered
from storage.home import Home
from storage.limits import Limits
from storage.relations import greatest
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.warehouse import REMEDY, opened, turn
from storage.write import upsert_rows
from tasks.alerts.care import Caring
from tasks.alerts.evaluation import Transition, evaluate
from tasks.alerts.in_force import rules_in_force
from tasks.alerts.inhibition import active_inhibitors
from tasks.alerts.observing import observe
from tasks.alerts.queueing import outbox_rows
from tasks.alerts.retiring import in_force, without_retired
from tasks.alerts.rule import Rule, ending
from tasks.alerts.states import ACTIVE, Alert, Observation, alert_with
from tasks.alerts.teams import NO_TEAMS, Teams, read_teams
from tasks.silences import read_silences
from tasks.wording import counted

logger = logging.getLogger(__name__)

COLUMNS = tuple(each.name for each in fields(Alert))


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation did: rules run, what changed, what is active now, and the rules that failed, a line each."""

    rules: int
    transitions: tuple[Transition, ...] = field(default=(), repr=False)
    firing: int = 0
    failures: tuple[str, ...] = ()
    note: str = ""

    @property
    def events(self) -> dict[str, int]:
        """What there is to tell, by event."""
        return dict(Counter(each.event for each in self.transitions if each.event and not each.is_damped))

    def __str__(self) -> str:
        events = ", ".join(f"{count} {event}" for event, count in self.events.items()) or "no change"
        return self.note or f"{counted(self.rules, 'rule')}, {events}, {self.firing} active in total"


def read_alerts(con: duckdb.DuckDBPyConnection) -> dict[str, Alert]:
    """By fingerprint the alerts that are active or pending."""
    return _alerts(fetch(con, sql_beside(__file__, "open_alerts")))


def read_dormant(con: duckdb.DuckDBPyConnection, fingerprints: Iterable[str]) -> dict[str, Alert]:
    """Those of these alerts that are neither, but were."""
    asked = pl.DataFrame({"fingerprint": list(fingerprints)}, schema={"fingerprint": pl.String})
    with registered(con, "asked", asked):
        return _alerts(fetch(con, sql_beside(__file__, "dormant_alerts")))


def _alerts(rows: pl.DataFrame) -> dict[str, Alert]:
    return {row["fingerprint"]: _alert(row) for row in rows.select(COLUMNS).iter_rows(named=True)}


def _alert(row: dict[str, Any]) -> Alert:
    """The alert of a row, which is made into it."""
    for name in ("recent_firings", "recent_notices", "told", "members"):
        row[name] = tuple(row[name] or ())
    row["labels"] = tuple(sorted(json.loads(row["labels"] or "{}").items())) if row["labels"] != "{}" else ()
    row["member_count"] = row["member_count"] or 0
    row["is_flapping"], row["is_sample"] = bool(row["is_flapping"]), bool(row["is_sample"])
    return alert_with(row)


def write_evaluation(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    alerts: Sequence[Alert],
    transitions: Sequence[Transition],
    channels: Mapping[str, str],
    runbooks: str = "",
    real_only: Collection[str] = (),
) -> None:
    """Alerts, transitions and outbox rows, all or nothing."""
    with transaction(con):
        enter_evaluation(con, rules, alerts, transitions, channels, runbooks, real_only)


def enter_evaluation(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    alerts: Sequence[Alert],
    transitions: Sequence[Transition],
    channels: Mapping[str, str],
    runbooks: str = "",
    real_only: Collection[str] = (),
) -> None:
    """The same, in the caller's transaction."""
    by_name = {rule.name: rule for rule in rules}
    upsert_rows(con, TABLES["alerts.alerts"], [_alert_row(alert) for alert in alerts])
    upsert_rows(con, TABLES["alerts.transitions"], [_transition_row(transition) for transition in transitions])
    told = (transition for transition in transitions if transition.event)
    rows = [row for each in told for row in outbox_rows(each, by_name, channels, runbooks, real_only)]
    upsert_rows(con, TABLES["alerts.notifications"], rows)


def _alert_row(alert: Alert) -> dict[str, Any]:
    return {**vars(alert), "labels": json.dumps(dict(alert.labels)) if alert.labels else "{}"}


def _transition_row(transition: Transition) -> dict[str, Any]:
    after = transition.after
    return {
        "transition_id": transition.transition_id,
        "fingerprint": after.fingerprint,
        "rule": after.rule,
        "subject": after.subject,
        "episode": after.episode,
        "from_state": transition.before.state,
        "to_state": after.state,
        "severity": after.severity,
        "value": after.value,
        "reason": transition.reason,
        "transitioned_at": transition.transitioned_at,
        "event": transition.event,
    }


def evaluate_on(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    channels: Mapping[str, str],
    as_of: datetime,
    problems: Mapping[str, str] | None = None,
    runbooks: str = "",
) -> EvaluationResult:
    """One evaluation of `rules`, which nobody else wrote, on the warehouse that `con` holds.

    Args:
        channels: by name the severity from which on it is told.
        problems: what else is wrong with the rules, by name: told as a rule's own failure is.
        runbooks: what is put before a runbook that is a path.
    """
    with _without_collector():
        stored = read_alerts(con)
        seen, errors = observe_all(asking_on(con), rules, stored.values(), as_of)
        return conclude(con, rules, seen, errors | dict(problems or {}), stored, channels, as_of, runbooks)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Inside the block nothing looks for circles of objects: an evaluation makes none, and the search would be a quarter of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def observe_all(
    ask: Ask, rules: Sequence[Rule], stored: Collection[Alert], as_of: datetime
) -> tuple[dict[str, list[Observation]], dict[str, str]]:
    """What each rule saw that may change something, and why those failed that did, by the rule's name."""
    seen: dict[str, list[Observation]] = {}
    errors: dict[str, str] = {}
    subjects: dict[str, set[str]] = defaultdict(set)
    teams = _known_teams(ask)
    for alert in stored:
        subjects[alert.rule].add(alert.subject)
    for rule in rules:
        try:
            seen[rule.name] = observe(ask, rule, as_of, _with_values(rule, subjects[rule.name]), teams)
        except GovpulseError as error:
            errors[rule.name] = str(error)
    return seen, errors


def _known_teams(ask: Ask) -> Teams:
    """None where they cannot be read: an alert without its team is better than none."""
    try:
        return read_teams(ask)
    except GovpulseError as error:
        logger.warning("whose services, domains and scans are cannot be read: %s", error)
        return NO_TEAMS


def _with_values(rule: Rule, subjects: Collection[str]) -> Collection[str] | None:
    """Whose values count though they are beyond no threshold; None: everybody's, for members of a group are not known by name."""
    return None if rule.group_by and subjects else subjects


def conclude(
    con: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    seen: Mapping[str, Sequence[Observation]],
    errors: Mapping[str, str],
    stored: Mapping[str, Alert],
    channels: Mapping[str, str],
    as_of: datetime,
    runbooks: str,
    real_only: Collection[str] = (),
) -> EvaluationResult:
    """Store what follows from what the rules saw."""
    silences = read_silences(con)
    retired = in_force(silences)
    if retired:
        seen = without_retired(con, seen, retired, as_of)
    known = {**stored, **read_dormant(con, {key for key in _fingerprints(seen) if key not in stored})}
    caring = Caring(as_of, channels, silences, active_inhibitors(rules, stored.values()), real_only)
    alerts, transitions = evaluate(rules, seen, known, as_of, errors, caring.of)
    write_evaluation(con, rules, alerts, transitions, channels, runbooks, real_only)
    now_stored = known | {alert.fingerprint: alert for alert in alerts}
    firing = sum(alert.state in ACTIVE for alert in now_stored.values())
    return EvaluationResult(len(rules), tuple(transitions), firing, tuple(errors.values()))


def _fingerprints(seen: Mapping[str, Sequence[Observation]]) -> Iterable[str]:
    return (fingerprint(name, each.subject, each.labels) for name, found in seen.items() for each in found)


@task(name="evaluate_rules", cache_policy=NO_CACHE)
def evaluate_rules(
    home: str,
    *,
    limits: Limits,
    rules_file: str | None,
    channels: Mapping[str, str],
    as_of: datetime,
    is_past: bool = False,
    runbooks: str = "",
    real_only: Collection[str] = (),
    gone_after: timedelta = timedelta(days=1),
) -> EvaluationResult:
    """Evaluate every rule as of `as_of`; a rule that fails is reported, and its alerts stay as they are.

    Args:
        real_only: channels that are not told of the sample's alerts.
        gone_after: an alert that has been without data for so long ends as gone.
        is_past: somebody asked for an instant of the past: where the alerts already stand as of a later one, nothing is done.
    """
    folder = Home(Path(home))
    with Reader(limits, folder.spill) as reader, turn(folder, limits):
        with opened(folder, limits) as con:
            if is_past and (last := _last_evaluation(con)) and last > as_of:
                return EvaluationResult(0, note=f"not evaluated: alerts were already evaluated as of {last:%Y-%m-%d %H:%M} UTC")
            with transaction(con):
                in_force = rules_in_force(con, Path(rules_file) if rules_file else None, as_of)
            rules = [ending(rule, gone_after) for rule in in_force.rules]
            stored = read_alerts(con)
        with reader.reading(folder.warehouse, "warehouse", REMEDY):
            seen, errors = observe_all(reader.ask, rules, stored.values(), as_of)
        errors |= {"rules_file": in_force.problem} if in_force.problem else {}
        with opened(folder, limits) as con, _without_collector():
            return conclude(con, rules, seen, errors, stored, channels, as_of, runbooks, real_only)


def _last_evaluation(con: duckdb.DuckDBPyConnection) -> datetime | None:
    last: datetime | None = greatest(con, "alerts.alerts", "updated_at")
    return last
