"""The evaluation's I/O: runs the rules' SELECTs on the warehouse, reads alerts.alerts, and writes alerts, transitions and outbox
rows in one transaction."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import TABLES
from storage.errors import GovpulseError, first_line
from storage.frames import fetch, registered
from storage.home import Home
from storage.transaction import transaction
from storage.warehouse import Limits, warehouse
from storage.write import upsert
from tasks.alerts.evaluation import Channel, Transition, evaluate, is_wanted
from tasks.alerts.rules import Rule, load_rules
from tasks.alerts.states import ACTIVE, Alert, Observation

SPECIAL = ("subject", "value", "is_sample", "detail")


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation did: rules run, transitions by event, what fires now, and the rules that failed, a line each."""

    rules: int
    events: dict[str, int]
    firing: int
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        events = ", ".join(f"{count} {event}" for event, count in self.events.items()) or "no change"
        return f"{self.rules} rules, {events}, {self.firing} active in all"


def observe(con: duckdb.DuckDBPyConnection, rule: Rule, as_of: datetime) -> list[Observation]:
    """What the rule's SELECT yields as of `as_of`.

    Raises:
        GovpulseError: the SQL is not one SELECT, fails, or lacks subject or value; names the rule.
    """
    try:
        statements = duckdb.extract_statements(rule.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise GovpulseError(f"rule {rule.name}: sql must be one SELECT")
        parameters = {"as_of": as_of} if "as_of" in statements[0].named_parameters else None
        rows = fetch(con, rule.sql, parameters)
    except duckdb.Error as error:
        raise GovpulseError(f"rule {rule.name}: {first_line(error)}") from error
    missing = [name for name in ("subject", "value") if name not in rows.columns]
    if missing:
        raise GovpulseError(f"rule {rule.name}: its sql does not yield {' and '.join(missing)}")
    if rows["subject"].null_count():
        raise GovpulseError(f"rule {rule.name}: its subject must not be NULL")
    try:
        found = [_observation(row) for row in rows.iter_rows(named=True) if row["value"] is not None]
    except (TypeError, ValueError) as error:
        raise GovpulseError(f"rule {rule.name}: its value must be a number, not {rows['value'].dtype}") from error
    return [seen for seen in found if not math.isnan(seen.value)]


def _observation(row: dict[str, Any]) -> Observation:
    labels = tuple(sorted((key, str(value)) for key, value in row.items() if key not in SPECIAL))
    return Observation(str(row["subject"]), float(row["value"]), labels, bool(row.get("is_sample")), str(row.get("detail") or ""))


def read_alerts(con: duckdb.DuckDBPyConnection) -> dict[str, Alert]:
    """The alerts as they stand, by fingerprint."""
    names = [field.name for field in fields(Alert)]
    rows = fetch(con, f"SELECT {', '.join(names)} FROM alerts.alerts")
    alerts = [
        Alert(**{**row, "labels": tuple(sorted(json.loads(row["labels"] or "{}").items()))}) for row in rows.iter_rows(named=True)
    ]
    return {alert.fingerprint: alert for alert in alerts}


def write_evaluation(
    con: duckdb.DuckDBPyConnection,
    alerts: Sequence[Alert],
    transitions: Sequence[Transition],
    channels: Sequence[Channel],
    now: datetime,
) -> None:
    """Alerts, transitions and outbox rows, all or nothing."""
    with transaction(con):
        _upsert(con, "alerts.alerts", [_alert_row(alert, now) for alert in alerts])
        _upsert(con, "alerts.transitions", [_transition_row(transition) for transition in transitions])
        _upsert(con, "alerts.notifications", [row for t in transitions for row in _outbox_rows(t, channels)])


def _upsert(con: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        with registered(con, "evaluated", pl.DataFrame(rows, infer_schema_length=None)):
            upsert(con, TABLES[name], "evaluated")


def _alert_row(alert: Alert, now: datetime) -> dict[str, Any]:
    return {**asdict(alert), "labels": json.dumps(dict(alert.labels)), "updated_at": now}


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
    }


def _outbox_rows(transition: Transition, channels: Sequence[Channel]) -> list[dict[str, Any]]:
    if transition.event is None:
        return []
    return [
        {
            "notification_id": hashlib.sha256(f"{transition.transition_id}\x1f{channel.name}".encode()).hexdigest()[:16],
            "transition_id": transition.transition_id,
            "fingerprint": transition.after.fingerprint,
            "episode": transition.after.episode,
            "event": transition.event,
            "channel": channel.name,
            "status": "queued",
            "reason": None,
            "attempts": 0,
            "next_attempt_at": transition.transitioned_at,
            "sent_at": None,
            "updated_at": transition.transitioned_at,
        }
        for channel in channels
        if is_wanted(channel, transition.after)
    ]


def evaluate_on(
    con: duckdb.DuckDBPyConnection, rules: Sequence[Rule], channels: Sequence[Channel], as_of: datetime
) -> EvaluationResult:
    """One evaluation of `rules` on the warehouse that `con` holds."""
    seen: dict[str, list[Observation]] = {}
    failures: list[str] = []
    for rule in rules:
        try:
            seen[rule.name] = observe(con, rule, as_of)
        except GovpulseError as error:
            failures.append(str(error))
    standing = read_alerts(con)
    alerts, transitions = evaluate(rules, seen, standing, as_of)
    write_evaluation(con, alerts, transitions, channels, as_of)
    events = [transition.event for transition in transitions if transition.event]
    now_standing = standing | {alert.fingerprint: alert for alert in alerts}
    firing = sum(alert.state in ACTIVE for alert in now_standing.values())
    return EvaluationResult(len(rules), {event: events.count(event) for event in dict.fromkeys(events)}, firing, tuple(failures))


@task(name="evaluate_rules", cache_policy=NO_CACHE)
def evaluate_rules(
    home: str, *, limits: Limits, rules_file: str | None, channels: tuple[Channel, ...], as_of: datetime
) -> EvaluationResult:
    """Evaluate every rule as of `as_of`; a rule that fails is reported, and its alerts stay as they are."""
    rules = load_rules(Path(rules_file) if rules_file else None)
    with warehouse(Home(Path(home)), limits) as con:
        return evaluate_on(con, rules, channels, as_of)
