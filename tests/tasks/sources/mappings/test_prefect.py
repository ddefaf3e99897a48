"""The prefect mapping's SELECTs in both dialects, on databases of a real server: what prefect_runs.py did, as the contract sees it.

What such a server never writes, or only for a moment, is written by hand and rolled back.
"""

import sqlite3
import tomllib
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from storage.catalogue import DATASETS
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.loading import load_landed
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.extraction import extract_datasets
from tasks.sources.mapping import SHIPPED, Mapping, load_mapping
from tasks.sources.progress import read_progress
from tests.homes import migrated_home

pytestmark = pytest.mark.prefect
OFFERED = ("scans", "activity")
INSTANTS = ("queued_at", "started_at", "finished_at", "occurred_at", "updated_at")


@dataclass
class Server:
    """A Prefect server's database, and the mapping for it."""

    con: Any
    mapping: Mapping

    def rows(self, dataset: str, where: str = "") -> list[dict[str, Any]]:
        """What the mapping yields, ids as text and instants in UTC, as the extraction makes them."""
        rows = self.con.execute(f"SELECT * FROM ({self.mapping.select(dataset)}) AS mapped {where}").fetchall()
        return [{name: plain(name, value) for name, value in dict(row).items()} for row in rows]

    def scan(self, name: str) -> dict[str, Any]:
        return next(row for row in self.rows("scans") if row["name"] == name)

    def names(self) -> set[str]:
        return {row["name"] for row in self.rows("scans")}

    def changes(self, scan: dict[str, Any]) -> list[dict[str, Any]]:
        """The acts on a run, in order."""
        found = [row for row in self.rows("activity") if row["resource_id"] == scan["scan_id"]]
        return sorted(found, key=lambda row: row["occurred_at"])

    def change(self, name: str, assignments: str) -> None:
        self.con.execute(f"UPDATE flow_run SET {assignments} WHERE name = '{name}'")


def plain(name: str, value: Any) -> Any:
    if name in INSTANTS and value is not None:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    return str(value) if isinstance(value, uuid.UUID) else value


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest):
    mapping = load_mapping("prefect", request.param, "Europe/Berlin")
    if request.param == "sqlite":
        with closing(sqlite3.connect(request.getfixturevalue("prefect_sqlite"))) as con:
            con.row_factory = sqlite3.Row
            yield Server(con, mapping)
    else:
        with psycopg.connect(request.getfixturevalue("prefect_postgresql"), row_factory=dict_row) as con:
            yield Server(con, mapping)
            con.rollback()


@pytest.mark.parametrize("dataset", OFFERED)
def test_yields_exactly_the_contracts_columns(server, dataset):
    cursor = server.con.execute(f"SELECT * FROM ({server.mapping.select(dataset)}) AS mapped")
    elsewhere = ("source", "extracted_at", "is_deleted")
    assert [column[0] for column in cursor.description] == [x for x in DATASETS[dataset].column_names if x not in elsewhere]


def test_offers_scans_and_activity_in_utc(server):
    assert set(server.mapping.selects) == set(OFFERED)
    assert tomllib.loads((SHIPPED / "prefect" / "mapping.toml").read_text()) == {"timezones": dict.fromkeys(OFFERED, "UTC")}


@pytest.mark.parametrize("dataset", OFFERED)
def test_every_row_meets_the_contract(server, dataset):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    rows = server.rows(dataset)
    for column in DATASETS[dataset].columns:
        values = [row[column.name] for row in rows if column.name in row]
        assert not column.is_required or None not in values
        assert not column.allowed or set(values) <= set(column.allowed)
        assert column.type != "TIMESTAMPTZ" or all(value < tomorrow for value in values if value)
    assert all(row["started_at"] <= row["finished_at"] for row in rows if row.get("finished_at"))
    keys = [row[DATASETS[dataset].key[0]] for row in rows]
    assert len(keys) == len(set(keys)) >= 15


def test_run_that_succeeded_in_full(server):
    scan = server.scan("retried")
    assert str(uuid.UUID(scan["scan_id"])) == scan["scan_id"]
    assert scan["queued_at"] <= scan["started_at"] < scan["finished_at"] <= scan["updated_at"]
    assert {name: value for name, value in scan.items() if name not in (*INSTANTS, "scan_id")} == {
        "name": "retried", "data_source": "copy", "scan_type": "ad_hoc", "status": "succeeded", "source_status": "Completed",
        "assets_scanned": None, "issues_found": None, "triggered_by": None, "error_message": None,
        "scanner": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "source_status", "message"),
    [
        ("failed", "failed", "Failed", "no such table"),
        ("crashed", "failed", "Crashed", "interrupt"),
        ("canceled early", "canceled", "Cancelled", None),
        ("due", "queued", "Scheduled", None),
        ("asked for now", "queued", "Scheduled", None),
        ("hurried", "queued", "Pending", None),
        ("without a slot", "queued", "AwaitingConcurrencySlot", None),
        ("to be retried", "queued", "AwaitingRetry", None),
        ("orphaned", "running", "Running", None),
        ("paused", "running", "Paused", None),
        ("canceling", "running", "Cancelling", None),
        ("started early", "succeeded", "Completed", None),
    ],
)
def test_status_of_a_run_and_why_it_failed(server, name, status, source_status, message):
    scan = server.scan(name)
    assert (scan["status"], scan["source_status"]) == (status, source_status)
    assert message in scan["error_message"] if message else scan["error_message"] is None


def test_scan_type_is_the_deployment(server):
    found = {name: server.scan(name)["scan_type"] for name in ("retried", "due", "orphaned")}
    assert found == {"retried": "ad_hoc", "due": "nightly", "orphaned": "unknown"}


def test_triggered_by_is_a_schedule_or_automation_but_no_address(server):
    assert server.scan("automated")["triggered_by"] == "restart what crashed"
    assert server.scan("automated by an address")["triggered_by"] is None
    assert server.scan("due")["triggered_by"] is None
    scheduled = [row for row in server.rows("scans") if row["triggered_by"] == "IntervalSchedule"]
    assert {(row["status"], row["scan_type"]) for row in scheduled} == {("queued", "nightly")}


@pytest.mark.parametrize(
    ("created_by", "auto_scheduled", "triggered_by"),
    [
        ("NULL", "true", "schedule"),
        ("NULL", "false", None),
        ("'{}'", "true", "schedule"),
        ("""'{"id": null, "type": "DEPLOYMENT", "display_value": null}'""", "false", "deployment"),
        ("""'{"id": "u-7", "type": "USER", "display_value": "jane@corp.example"}'""", "false", "u-7"),
        ("""'{"id": "s-1", "type": "SCHEDULE", "display_value": "jane@corp.example"}'""", "true", None),
    ],
)
def test_triggered_by_what_else_prefect_may_say(server, created_by, auto_scheduled, triggered_by):
    server.change("due", f"created_by = {created_by}, auto_scheduled = {auto_scheduled}")
    assert server.scan("due")["triggered_by"] == triggered_by


def test_runs_planned_for_later_are_no_scans_yet(server):
    assert "planned" not in server.names()
    scheduled = server.con.execute("SELECT expected_start_time FROM flow_run WHERE auto_scheduled = true").fetchall()
    instants = [plain("queued_at", dict(row)["expected_start_time"]) for row in scheduled]
    found = [row["queued_at"] for row in server.rows("scans") if row["triggered_by"] == "IntervalSchedule"]
    assert sorted(found) == sorted(instant for instant in instants if instant <= datetime.now(UTC))
    assert 0 < len(found) < len(instants)


def test_planned_run_that_becomes_due_changes_then_though_its_row_does_not(server):
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(milliseconds=500)
    time = f"'{due.isoformat(sep=' ', timespec='microseconds').removesuffix('+00:00')}'"
    time += "::timestamp AT TIME ZONE 'UTC'" if isinstance(server.con, psycopg.Connection) else ""
    changed = server.con.execute("SELECT updated FROM flow_run WHERE name = 'planned'").fetchone()
    server.change("planned", f"expected_start_time = {time}, next_scheduled_start_time = {time}")
    scan = server.scan("planned")
    assert plain("updated_at", dict(changed)["updated"]) < due
    assert (scan["status"], scan["queued_at"], scan["updated_at"]) == ("queued", due, due)


@pytest.mark.parametrize("name", ["asked for now", "hurried", "started early", "canceled early"])
def test_run_taken_ahead_of_its_time_was_queued_by_then(server, name):
    scan = server.scan(name)
    assert scan["queued_at"] <= (scan["started_at"] or scan["updated_at"])
    assert scan["queued_at"] > datetime.now(UTC) - timedelta(hours=1)


@pytest.mark.parametrize("name", ["due", "to be retried", "without a slot", "paused"])
def test_run_that_waited_was_queued_when_it_was_due(server, name):
    scan = server.scan(name)
    assert timedelta(minutes=59) < scan["updated_at"] - scan["queued_at"] < timedelta(minutes=65)


def test_run_without_a_state_is_queued(server):
    server.change("due", "state_type = NULL, state_name = NULL, state_id = NULL, state_timestamp = NULL")
    scan = server.scan("due")
    assert (scan["status"], scan["source_status"]) == ("queued", None)


def test_run_of_a_deleted_flow_counts_under_unknown(server):
    if isinstance(server.con, psycopg.Connection):
        server.con.execute("SET LOCAL session_replication_role = replica")
    server.con.execute("DELETE FROM flow WHERE name = 'load'")
    scan = server.scan("failed")
    assert (scan["data_source"], scan["status"]) == ("unknown", "failed")
    assert {(act["domain"], act["operation"]) for act in server.changes(scan)} == {("unknown", None)}


def test_state_that_nobody_knows_is_left_to_the_contract_to_reject(server):
    if isinstance(server.con, psycopg.Connection):
        server.con.execute("ALTER TYPE state_type RENAME VALUE 'SCHEDULED' TO 'HIBERNATING'")
    else:
        server.change("due", "state_type = 'HIBERNATING'")
    assert server.scan("due")["status"] == "hibernating"


def test_changes_of_a_run_in_full(server):
    scan = server.scan("retried")
    changes = server.changes(scan)
    assert [act["action"] for act in changes] == ["Pending", "Running", "AwaitingRetry", "Running", "Completed"]
    assert {name: value for name, value in changes[-1].items() if name not in (*INSTANTS, "activity_id")} == {
        "user_id": None, "workspace_id": None, "activity_type": "flow_run_state", "domain": "copy", "action": "Completed",
        "resource_type": "flow_run", "resource_id": scan["scan_id"], "operation": "copy", "item_count": 1, "domain_count": 1,
        "status": "succeeded", "duration_seconds": None,
    }  # fmt: skip
    assert changes[-1]["occurred_at"] == scan["finished_at"]
    assert changes[1]["occurred_at"] == scan["started_at"]
    assert all(act["occurred_at"] <= act["updated_at"] for act in changes)


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        ("failed", [("Pending", "succeeded"), ("Running", "succeeded"), ("Failed", "failed")]),
        ("crashed", [("Pending", "succeeded"), ("Running", "succeeded"), ("Crashed", "failed")]),
        ("canceled early", [("Scheduled", "succeeded"), ("Cancelled", "canceled")]),
        ("canceling", [("Scheduled", "succeeded"), ("Running", "succeeded"), ("Cancelling", "succeeded")]),
    ],
)
def test_a_change_fails_only_where_it_ends_a_run_in_failure(server, name, outcomes):
    changes = server.changes(server.scan(name))
    assert [(act["action"], act["status"]) for act in changes] == outcomes


def test_operation_is_the_deployment_where_there_is_one(server):
    found = {name: {act["operation"] for act in server.changes(server.scan(name))} for name in ("due", "orphaned", "failed")}
    assert found == {"due": {"nightly"}, "orphaned": {"copy"}, "failed": {"load"}}


def test_planning_a_run_for_later_happens_now(server):
    planned = server.con.execute("SELECT id FROM flow_run WHERE name = 'planned'").fetchone()
    changes = server.changes({"scan_id": str(dict(planned)["id"])})
    assert [act["action"] for act in changes] == ["Scheduled"]
    assert changes[0]["occurred_at"] < datetime.now(UTC)


def test_users_are_known_by_their_id_alone(server):
    server.change("due", """created_by = '{"id": "u-7", "type": "USER", "display_value": "Jane Doe"}'""")
    assert {act["user_id"] for act in server.changes(server.scan("due"))} == {"u-7"}
    assert {act["user_id"] for act in server.changes(server.scan("automated"))} == {None}


@pytest.mark.parametrize("dataset", OFFERED)
def test_can_be_wrapped_and_filtered(server, dataset):
    key, rows = DATASETS[dataset].key[0], server.rows(dataset)
    assert len(server.rows(dataset, "WHERE updated_at >= '2020-01-01'")) == len(rows)
    assert server.rows(dataset, "WHERE updated_at >= '2999-01-01'") == []
    assert server.rows(dataset, f"WHERE {key} IN ('{rows[0][key]}')") == [rows[0]]


def test_an_index_serves_a_filter_on_changes(prefect_postgresql):
    select = load_mapping("prefect", "postgresql", "UTC").select("activity")
    with psycopg.connect(prefect_postgresql) as con:
        con.execute("SET LOCAL enable_seqscan = off")
        plan = con.execute(f"EXPLAIN SELECT * FROM ({select}) AS mapped WHERE updated_at >= TIMESTAMPTZ '2999-01-01'").fetchall()
    assert "ix_flow_run_state__updated" in str(plan)


@pytest.mark.parametrize("dataset", OFFERED)
def test_columns_keep_postgresqls_types(prefect_postgresql, dataset):
    allowed = {
        "TIMESTAMPTZ": ["timestamptz"],
        "BIGINT": ["int4", "int8"],
        "DOUBLE": ["float8"],
        "VARCHAR": ["text", "varchar", "uuid"],
    }
    contract = {column.name: column.type for column in DATASETS[dataset].columns}
    with psycopg.connect(prefect_postgresql) as con:
        found = con.execute(load_mapping("prefect", "postgresql", "UTC").select(dataset)).description
    types = {column.name: psycopg.adapters.types.get(column.type_code).name for column in found}
    assert {name: kind for name, kind in types.items() if kind not in allowed[contract[name]]} == {}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_is_extracted_from_end_to_end(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """Twice, as the schedule does it: every flow run and state change is in the warehouse once, and none was refused."""
    address = Address(kind, str(request.getfixturevalue(f"prefect_{kind}")))
    source, home, limits = Source("prefect", address, "prefect"), migrated_home(tmp_path), Limits(lock_timeout_seconds=10.0)
    for _ in range(2):
        extraction = extract_datasets.fn(
            str(home.root),
            source=source,
            so_far=read_progress.fn(str(home.root), limits=limits, source=source.name),
            overlap_seconds=300.0,
            extracted_at=datetime.now(UTC),
            report=lambda _: None,
        )
        assert extraction.failures == {}
        assert [result.dataset for result in extraction.results] == list(OFFERED)
        load_landed.fn(str(home.root), limits=limits)
    with open_session(source) as session, warehouse(home, limits) as con:
        for dataset in OFFERED:
            there = [key for table in session.list_rows(dataset) for key in table["key"].to_pylist()]
            here = [key for (key,) in con.sql(f"SELECT {DATASETS[dataset].key[0]} FROM raw.{dataset}").fetchall()]
            assert sorted(here) == sorted(there)
        statuses = {status for (status,) in con.sql("SELECT DISTINCT status FROM raw.scans").fetchall()}
        assert {"succeeded", "failed", "canceled"} <= statuses
        assert con.sql("SELECT count(*) FROM ops.rejected_rows").fetchall() == [(0,)]
