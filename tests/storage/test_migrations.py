"""Migrations are applied once, in order, whole or not at all; a newer warehouse is left alone."""

import json
from datetime import UTC, datetime

import duckdb
import pytest

from storage.errors import GovpulseError
from storage.migrations import migrate, migrations
from storage.warehouse import connect, warehouse

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = "CREATE SCHEMA ops; CREATE TABLE ops.schema_migrations (version BIGINT, name VARCHAR, applied_at TIMESTAMPTZ);"


@pytest.fixture
def empty():
    con = connect()
    yield con
    con.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_ops.sql").write_text(FIRST)
    (tmp_path / "0002_make.sql").write_text("CREATE TABLE made (a BIGINT);")
    (tmp_path / "0010_fill.sql").write_text("INSERT INTO made VALUES (1);")
    (tmp_path / "notes.sql").write_text("not a migration")
    return tmp_path


def recorded(con):
    return con.sql("SELECT version, name, applied_at FROM ops.schema_migrations ORDER BY version").fetchall()


def test_each_is_applied_once_in_order_and_recorded(empty, folder):
    assert migrate(empty, NOW, folder) == ["0001_ops", "0002_make", "0010_fill"]
    assert migrate(empty, NOW, folder) == []
    assert empty.sql("SELECT * FROM made").fetchall() == [(1,)]
    assert recorded(empty) == [(1, "0001_ops", NOW), (2, "0002_make", NOW), (10, "0010_fill", NOW)]


def test_only_what_is_new_is_applied(empty, folder):
    migrate(empty, NOW, folder)
    (folder / "0011_more.sql").write_text("INSERT INTO made VALUES (2);")
    assert migrate(empty, NOW, folder) == ["0011_more"]
    assert empty.sql("SELECT * FROM made ORDER BY 1").fetchall() == [(1,), (2,)]


def test_a_failing_one_is_undone_whole_and_those_before_it_stay(empty, folder):
    (folder / "0010_fill.sql").write_text("INSERT INTO made VALUES (1); CREATE TABLE extra (a BIGINT); SELECT * FROM nowhere;")
    with pytest.raises(duckdb.CatalogException, match="nowhere"):
        migrate(empty, NOW, folder)
    assert [name for _, name, _ in recorded(empty)] == ["0001_ops", "0002_make"]
    assert empty.sql("SELECT * FROM made").fetchall() == []
    assert empty.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'extra'").fetchall() == [(0,)]
    (folder / "0010_fill.sql").write_text("INSERT INTO made VALUES (3);")
    assert migrate(empty, NOW, folder) == ["0010_fill"], "repaired, it goes on where it stopped"


def test_a_newer_warehouse_is_refused_and_not_one_byte_of_it_changes(home):
    with warehouse(home) as con:
        con.execute("INSERT INTO ops.schema_migrations VALUES (9999, '9999_from_the_future', now())")
    before = home.warehouse.read_bytes()
    with pytest.raises(GovpulseError, match=r"newer govpulse .*9999_from_the_future.*upgrade") as caught, warehouse(home):
        pass
    assert "\n" not in str(caught.value)
    assert home.warehouse.read_bytes() == before
    assert [path.name for path in home.private.iterdir() if path.suffix == ".wal"] == []


def test_the_shipped_ones_are_all_in_a_new_warehouse(home):
    with warehouse(home) as con:
        assert [version for version, _, _ in recorded(con)] == list(migrations())
    with warehouse(home) as con:
        assert len(recorded(con)) == len(migrations())


OLD_METRICS = (
    "as_of, window_days, environment, service, deployments, attempts, succeeded, failed, rolled_back, canceled, in_progress, stuck,"
    " success_rate, deployments_per_day, out_of_bounds, is_sample"
)
OLD_ROW = "'2026-03-01', 90, 'production', 'api', 4, 5, 3, 1, 0, 0, 0, 0, 0.75, 0.04, 0, false"


def test_insights_from_before_the_analytics_stay_and_claim_nothing_new(empty, tmp_path):
    for number, path in migrations().items():
        if number < 6:
            (tmp_path / path.name).write_text(path.read_text())
    migrate(empty, NOW, tmp_path)
    for schema in ("insights", "history"):
        empty.execute(f"INSERT INTO {schema}.deployment_metrics ({OLD_METRICS}) VALUES ({OLD_ROW})")
    empty.execute(
        "INSERT INTO insights.active_scans (as_of, scan_id, data_source, scan_type, status, elapsed_seconds, is_sample)"
        " VALUES ('2026-03-01', 's1', 'crm', 'full', 'running', 90000, false)"
    )
    migrate(empty, NOW)
    for schema in ("insights", "history"):
        row = empty.sql(
            f"SELECT service, success_rate, recovered, failed_changes, success_rate_shrunk FROM {schema}.deployment_metrics"
        )
        assert row.fetchall() == [("api", 0.75, None, None, None)]
    scan = empty.sql("SELECT scan_id, elapsed_seconds, verdict, history_runs, dead_probability FROM insights.active_scans")
    assert scan.fetchall() == [("s1", 90000.0, "too_little_history", 0, None)]
    left = empty.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%_before'")
    assert left.fetchall() == [(0,)]


FINDINGS = {
    ("disk_full", "h1 / /data / old"): ("h1", {"filesystem": "mountpoint=/data / old"}),
    ("memory_leak", "h1 / python (pid 8)"): ("h1", {"part": "python (pid 8)"}),
    ("sustained_cpu", "h1 / CPU"): ("h1", {}),
    ("scan_slowdown", "Sales / EU / full"): ("Sales / EU", {"scan_type": "full"}),
    ("deployment_failures", "production / api"): ("api", {"environment": "production"}),
    ("error_rate_rise", "GET /a / b"): ("GET /a / b", {}),
}
"""Kind and subject as they were, and what has become of them."""


def test_findings_of_before_have_labels(empty):
    migrate(empty, NOW, until=25)
    columns = "as_of, insight_id, kind, subject, severity, started_at, first_found_at, statement, recommendation, evidence"
    for number, (kind, subject) in enumerate(FINDINGS):
        values = [NOW, str(number), kind, subject, "warning", NOW, NOW, "-", "-", "{}"]
        empty.execute(
            f"INSERT INTO insights.performance_insights ({columns}, confidence, is_sample) VALUES ({'?, ' * 10}0.5, false)", values
        )
    migrate(empty, NOW)
    rows = empty.sql("SELECT kind, subject, labels FROM insights.performance_insights ORDER BY insight_id").fetchall()
    assert [(kind, subject, json.loads(labels)) for kind, subject, labels in rows] == [
        (kind, *after) for (kind, _), after in FINDINGS.items()
    ]


SENTENCES = {
    None: None,
    "waits: the channel failed, next at 12:01:30 UTC": "paused",
    "silenced by ann until 2026-03-11 08:00 UTC: damped: no (0b605301)": "silenced",
    "damped: flapping, fired 4 times in 24 h": "damped",
    "refused: hooks.example.org: HTTP 400": "refused",
    "hooks.example.org: HTTP 503": "failed",
}
"""Why a notification waited or was not sent, and its code."""


def test_notifications_of_before_have_codes(empty):
    migrate(empty, NOW, until=26)
    required = "notification_id, transition_id, fingerprint, episode, event, channel, status, attempts, updated_at"
    for number, reason in enumerate(SENTENCES):
        values = [str(number), "t", "f", 1, "firing", "ops", "queued", 0, NOW, reason]
        empty.execute(f"INSERT INTO alerts.notifications ({required}, reason) VALUES ({', '.join('?' * 10)})", values)
    migrate(empty, NOW)
    rows = empty.sql("SELECT reason, reason_code FROM alerts.notifications").fetchall()
    assert dict(rows) == SENTENCES
