"""What changes a warehouse from outside, one act after the other, each by its kind and a number; and what must come back of it."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from pydantic import SecretStr

from storage.catalogue import DATASETS, GOVERNANCE, TABLES
from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.intake.sources import rename_source
from storage.journal.files import begin_segment
from storage.journal.replay import Replayed, replay
from storage.maintenance import apply_retention
from storage.migrations import migrate
from storage.people.forgetting import forget_user
from storage.transaction import transaction
from storage.warehouse import attach, connect, warehouse
from storage.wholeness.mark import wal_of
from tasks.alerts.engine import evaluate_on
from tasks.alerts.in_force import rules_in_force
from tasks.alerts.retire_now import retire_now
from tasks.alerts.rule import Rule
from tasks.notifications.channels import Channel
from tasks.notifications.outbox import record, take
from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.silences import add_silence, end_silence, new_ack, new_retirement, new_silence, parse_matchers, read_all_silences

BEGINNING = datetime(2026, 3, 10, tzinfo=UTC)
PEOPLE = ("ann-8c41d2f7-person", "bob.lee", "7731", "carla")
SOURCES = ("racine", "lyon", "load")
CHANNEL = Channel("ops", kind="webhook", url=SecretStr("http://127.0.0.1:9/x"), min_severity="warning", per_minute=1000)
ROWS: dict[str, dict[str, Any]] = {
    "scans": {"scan_id": "s{key}", "name": "of {person}", "data_source": "crm", "scan_type": "full", "triggered_by": "{person}"},
    "deployments": {"deployment_id": "d{key}", "service": "api", "environment": "production", "deployed_by": "{person}"},
    "activity": {"activity_id": "a{key}", "user_id": "{person}", "item_count": "{count}", "occurred_at": "{at}"},
    "users": {"user_id": "{person}", "role": "admin", "preferences": '{{"theme": "{key}"}}', "created_at": "{at}"},
    "owners": {"domain": "domain-{key}", "user_id": "{person}"},
    "people": {"user_id": "{person}", "person_id": "p{key}", "team": "data"},
    "incidents": {"incident_id": "i{key}", "service": "api", "severity": "high", "opened_at": "{at}", "deployment_id": "d{key}"},
    "links": {"kind": "service", "name": "api{key}", "rests_on_kind": "host", "rests_on": "web-{key}"},
    "system_metrics": {"host": "h{key}", "metric": "m", "attributes": "", "observed_at": "{at}", "value": "{count}"},
}
STATUSES = {"scans": "running", "deployments": "failed", "activity": "succeeded", "system_metrics": "ok"}


def at(number: int) -> datetime:
    return BEGINNING + timedelta(minutes=number)


def frame(dataset: str, number: int) -> pl.DataFrame:
    """Two rows, of which every fifth number has one that the contract refuses."""
    rows = []
    for each in (number, number + 1):
        said = {"key": each % 4, "person": PEOPLE[each % len(PEOPLE)], "count": each, "at": at(each).isoformat()}
        row = {name: text.format(**said) for name, text in ROWS[dataset].items()}
        if dataset in STATUSES:
            row["status"] = "odd" if number % 5 == 0 and each == number else STATUSES[dataset]
        if "updated_at" in DATASETS[dataset].column_names:
            row["updated_at"] = at(each).isoformat()
        rows.append(row)
    return pl.DataFrame(rows)


def _load(con: duckdb.DuckDBPyConnection, home: Home, number: int) -> None:
    dataset = list(ROWS)[number % len(ROWS)]
    metadata = {"watermark": at(number).isoformat()} if number % 3 else {}
    if dataset in GOVERNANCE:
        metadata |= {"source": SOURCES[number % len(SOURCES)]}
    land(home, dataset, frame(dataset, number), metadata=metadata if "source" in metadata else {})
    if number % 4 == 0:
        (home.landing / dataset / f"damaged-{number}.parquet").write_bytes(b"PAR1 not really")
    load_landing(con, home)


def _silence(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    matchers = parse_matchers([f"subject={PEOPLE[number % len(PEOPLE)]}", "rule=~ga.*"])
    every = "Sat,Sun 02:00-04:00" if number % 2 else None
    add_silence(
        con, new_silence(matchers, "me", f"ünï \n {number}", at(number), _expiry(number), at(number), every, "Europe/Berlin")
    )


def _expiry(number: int) -> datetime | None:
    return None if number % 2 else at(number + 90)


def _ack(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    found = con.execute("SELECT fingerprint, episode FROM alerts.alerts ORDER BY fingerprint").fetchall()
    if found:
        add_silence(con, new_ack(*found[number % len(found)], "me", f"ack {number}", at(number)))


def _retire(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    made = new_retirement(PEOPLE[number % len(PEOPLE)], {}, "me", f"left {number}", at(number))
    retire_now(con, made, "root", [], {"ops": "warning"})


def _end(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    made = read_all_silences(con)
    if made:
        end_silence(con, made[number % len(made)].silence_id, "somebody", at(number))


def _evaluate(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    values = ", ".join(f"('{person}', {(number * place) % 3 + 0.1})" for place, person in enumerate(PEOPLE, 1))
    seen = f"SELECT subject, value, subject || '/x' AS zone FROM (VALUES {values}) AS seen (subject, value)"
    with transaction(con):
        rules_in_force(con, None, at(number))
    evaluate_on(con, [Rule("gauge", seen, warning=1, critical=2)], {"ops": "warning"}, at(number))


def _deliver(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    taken = take(con, CHANNEL, at(number))
    if taken.row is not None and number % 4:  # else it died in between
        outcome = DELIVERED if number % 3 else Outcome(is_delivered=False, problem="HTTP 500")
        record(con, taken.row, outcome, at(number))


def _forget(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    forget_user(con, PEOPLE[number % len(PEOPLE)], "root", at(number), hashes_ids=number % 2 == 0)


def _rename(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    old, new = SOURCES[number % 3], SOURCES[(number + 1) % 3]
    with suppress(GovpulseError):  # there is none
        rename_source(con, old, new, "me", at(number))


def _retain(con: duckdb.DuckDBPyConnection, _: Home, number: int) -> None:
    keys = {table.retention for table in TABLES.values() if table.retention}
    apply_retention(con, dict.fromkeys(keys, 1), at(24 * 60 + number - 3))


def _begin(_: duckdb.DuckDBPyConnection, home: Home, __: int) -> None:
    begin_segment(home)


ACTS: dict[str, Callable[[duckdb.DuckDBPyConnection, Home, int], None]] = {
    "load": _load,
    "silence": _silence,
    "ack": _ack,
    "retire": _retire,
    "end": _end,
    "evaluate": _evaluate,
    "deliver": _deliver,
    "forget": _forget,
    "rename": _rename,
    "retain": _retain,
    "begin a segment": _begin,
}
MOST = ("load", "load", "evaluate", "evaluate", "deliver", "deliver", "silence", "ack", "retire", "end")
"""What happens more often."""


def perform(home: Home, kind: str, number: int) -> None:
    with warehouse(home) as con:
        ACTS[kind](con, home, number)


def copy_warehouse(home: Home, to: Path) -> Path:
    """The file, with its log, as a backup has it."""
    shutil.copy(home.warehouse, to)
    if wal_of(home.warehouse).exists():
        shutil.copy(wal_of(home.warehouse), wal_of(to))
    return to


def open_copy(file: Path) -> duckdb.DuckDBPyConnection:
    con = connect()
    attach(con, file, "warehouse")
    con.execute("USE warehouse")
    migrate(con, BEGINNING)
    return con


def replayed(home: Home, file: Path, until: datetime | None = None) -> tuple[Replayed, dict[str, list[tuple[Any, ...]]]]:
    """What became of a copy on which the journal was played, and what is in it then."""
    con = open_copy(file)
    try:
        done = replay(con, home, until=until)
        return done, content(con)
    finally:
        con.close()


BOOKS = ("ops.loads", "ops.rejected_rows", "ops.watermarks", "ops.zero_instants", "ops.journal")
COMPARED = [name for name, table in TABLES.items() if table.is_journaled or table.schema == "raw" or name in BOOKS]


def content(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every column of every table that has to come back, the times of loading among them."""
    return {name: con.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {name} ORDER BY ALL").fetchall() for name in COMPARED}


def content_of(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    with warehouse(home) as con:
        return content(con)
