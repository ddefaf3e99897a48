"""What the labels say must be found in the rows, and must not be found where they say nothing."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.stats import fisher_exact

from storage.catalogue import DATASETS
from storage.frames import registered
from storage.intake.contract import check_rows
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Span
from tasks.sources.mapping import load_mapping
from tasks.sources.sample.database import SAMPLE_ZONE, write_sample

UNTIL = datetime(2026, 11, 22, 12, tzinfo=UTC)
RACINE = load_mapping("racine", "sqlite", SAMPLE_ZONE)
TABLES = {"scans": "scan", "deployments": "version_deployments", "activity": "racine_activities", "users": "users"}
_MAPPED = {}  # of the database in hand, by dataset: mapping 70 thousand acts for each test would take minutes
KINDS = {
    "stuck_scan", "stuck_deployment", "deployment_failures", "scan_slowdown", "user_left", "response_time_degradation",
    "error_rate_rise",
}  # fmt: skip


@pytest.fixture(scope="module", params=[7, 8])
def database(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "governance.sqlite"
    write_sample(path, until=UNTIL, seed=request.param)
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        _MAPPED.clear()
        yield connection


def labels(database, kind):
    return database.execute("SELECT * FROM sample_labels WHERE kind = ? ORDER BY incident", (kind,)).fetchall()


def utc(text):
    """A naive or aware instant of the sample's UTC tables."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def raw(database, dataset):
    if dataset not in _MAPPED:
        _MAPPED[dataset] = database.execute(f"SELECT * FROM ({RACINE.select(dataset)}) AS mapped").fetchall()
    return _MAPPED[dataset]


def local(label):
    """A label's start on the server's clock, to compare with deployments."""
    return utc(label["started_at"]).astimezone(RACINE.zones["deployments"]).replace(tzinfo=None).isoformat(" ")


def naive(label, column="started_at"):
    return utc(label[column]).replace(tzinfo=None).isoformat(" ", "milliseconds")


def test_every_kind_of_incident_is_there(database):
    kinds = {row["kind"] for row in database.execute("SELECT kind FROM sample_labels")}
    assert kinds == KINDS
    assert len(labels(database, "stuck_scan")) == 6


def test_stuck_scans_are_exactly_the_ones_that_run_for_days(database):
    old = (UNTIL - timedelta(days=1)).replace(tzinfo=None).isoformat(" ")
    running = {row["scan_id"] for row in raw(database, "scans") if row["status"] == "running" and row["started_at"] < old}
    assert running == {label["subject"] for label in labels(database, "stuck_scan")}


def test_stuck_deployments_are_exactly_the_ones_that_stay_open(database):
    rows = raw(database, "deployments")
    old = (UNTIL - timedelta(days=1)).replace(tzinfo=None).isoformat(" ")
    open_ = {row["deployment_id"] for row in rows if row["status"] in ("pending", "running") and (row["started_at"] or "") < old}
    assert open_ == {label["subject"] for label in labels(database, "stuck_deployment")}


def outcomes(rows):
    failed = sum(row["status"] == "failed" for row in rows)
    return failed, sum(row["status"] in ("succeeded", "rolled_back") for row in rows)


def test_the_failing_service_fails_significantly_more_after_its_start_and_no_other_does(database):
    (label,) = labels(database, "deployment_failures")
    rows = [row for row in raw(database, "deployments") if row["started_at"] and row["environment"] == "production"]
    for service in {row["service"] for row in rows}:
        own = [row for row in rows if row["service"] == service]
        before = outcomes([row for row in own if row["started_at"] < local(label)])
        after = outcomes([row for row in own if row["started_at"] >= local(label)])
        p_value = fisher_exact([after, before], alternative="greater").pvalue
        assert (p_value < 1e-4) == (service == label["subject"]), (service, before, after)


def durations(rows):
    return np.array([(utc(row["finished_at"]) - utc(row["started_at"])).total_seconds() for row in rows])


def test_the_slow_data_source_slows_by_the_factor_and_no_other_does(database):
    (label,) = labels(database, "scan_slowdown")
    ended = [row for row in raw(database, "scans") if row["status"] == "succeeded" and row["finished_at"] > row["started_at"]]
    ended = [row for row in ended if row["triggered_by"] == "scheduler" and row["scan_type"] == "rule_set_1"]
    for source in {row["data_source"] for row in ended} - {"unknown"}:
        own = [row for row in ended if row["data_source"] == source]
        before = np.median(durations([row for row in own if row["queued_at"] < naive(label)]))
        after = np.median(durations([row for row in own if row["queued_at"] >= naive(label)]))
        expected = 2.2 if source == label["subject"] else 1.0
        assert after / before == pytest.approx(expected, rel=0.2), source


def test_who_leaves_stops_acting_and_is_no_longer_active(database):
    (label,) = labels(database, "user_left")
    acts = [row["occurred_at"] for row in raw(database, "activity") if row["user_id"] == label["subject"]]
    assert max(acts) < naive(label)
    assert sum(act >= (utc(label["started_at"]) - timedelta(days=20)).isoformat(" ") for act in acts) > 30
    inactive = {row["user_id"] for row in raw(database, "users") if not row["is_active"]}
    assert inactive == {label["subject"]}


def calls(database, operation):
    return [row for row in raw(database, "activity") if row["operation"] == operation and row["status"] != "running"]


def test_the_endpoint_degrades_and_the_others_do_not(database):
    (label,) = labels(database, "response_time_degradation")
    settled = (utc(label["started_at"]) + timedelta(days=2)).replace(tzinfo=None).isoformat(" ")
    for operation in ("GET /api/v1/catalog/assets", "GET /api/v1/data-sources", "POST /api/v1/scans"):
        rows = [row for row in calls(database, operation) if row["duration_seconds"] >= 0]
        before = np.median([row["duration_seconds"] for row in rows if row["occurred_at"] < naive(label)])
        after = np.median([row["duration_seconds"] for row in rows if row["occurred_at"] >= settled])
        assert after / before == pytest.approx(2.5 if operation == label["subject"] else 1.0, rel=0.12), operation


def test_the_endpoint_errs_from_its_start_to_its_end_and_the_others_do_not(database):
    (label,) = labels(database, "error_rate_rise")
    assert label["finished_at"] is not None
    for operation in ("GET /api/v1/catalog/assets", "GET /api/v1/data-sources", "POST /api/v1/scans"):
        rows = calls(database, operation)
        inside = [row for row in rows if naive(label) <= row["occurred_at"] < naive(label, "finished_at")]
        outside = [row for row in rows if not naive(label) <= row["occurred_at"] < naive(label, "finished_at")]
        assert outcomes(outside)[0] / len(outside) < 0.025
        rate = outcomes(inside)[0] / len(inside)
        assert (rate > 0.1) if operation == label["subject"] else (rate < 0.06), (operation, rate)


def test_the_contract_rejects_exactly_the_rows_listed_as_broken(database):
    scan_ids = {("scan", str(row["id"])): row["scan_id"] or "?" for row in database.execute("SELECT id, scan_id FROM scan")}
    broken = database.execute("SELECT * FROM sample_broken_rows").fetchall()
    expected = sorted((row["table_name"], scan_ids.get((row["table_name"], row["row_id"]), row["row_id"])) for row in broken)
    assert sorted((TABLES[dataset], key) for dataset in TABLES for key in rejected_keys(database, dataset)) == expected
    reasons = {row["reason"] for row in broken}
    assert reasons == {"missing scan_id", "finished before started", "negative duration", "unknown status"}
    assert 0.0005 < len(broken) / sum(len(raw(database, dataset)) for dataset in TABLES) < 0.003


def rejected_keys(database, dataset):
    """What the warehouse's own check refuses of what the extraction reads."""
    path = database.execute("PRAGMA database_list").fetchone()["file"]
    with open_session(Source("sample", Address("sqlite", path), "racine", SAMPLE_ZONE)) as session:
        frame = pl.concat(pl.DataFrame(pl.from_arrow(table)) for table in session.read_changed(dataset, Span()))
    with duckdb.connect(":memory:") as con, registered(con, "landed", frame):
        check_rows(con, DATASETS[dataset], "landed", UNTIL - timedelta(hours=23))
        return [key for (key,) in con.sql("SELECT key FROM rejected").fetchall()]


def test_the_mapping_loses_no_row(database):
    for dataset, table in TABLES.items():
        assert len(raw(database, dataset)) == database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_the_messes_are_there(database):
    def count(sql):
        return database.execute(sql).fetchone()[0]

    for table in ("scan", "version_deployments", "racine_activities"):
        assert count(f"SELECT count(DISTINCT status) FROM {table} WHERE lower(status) = 'completed'") == 2
    assert count("SELECT count(*) FROM datasource WHERE environment IS NULL") > 0
    assert count("SELECT count(*) FROM scan WHERE data_source_id NOT IN (SELECT id FROM datasource)") > 10
    assert count("SELECT count(*) FROM version_deployments WHERE version_id NOT IN (SELECT id FROM data_source_versions)") > 5
    assert count("SELECT count(*) FROM version_deployments WHERE deployed_by IN ('system', 'ci-pipeline')") > 50
    assert count("SELECT count(*) FROM scan WHERE created_by LIKE '%@%'") > 0
    assert count("SELECT count(*) FROM (SELECT 1 FROM user_roles GROUP BY user_id HAVING count(*) > 1)") > 0
    assert count("SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM user_roles)") > 0
    assert count("SELECT count(*) FROM racine_activities WHERE json_array_length(involved_groups) > 1") > 100
    kinds = {row["is_rollback"] * 2 + row["is_hotfix"] for row in raw(database, "deployments")}
    assert kinds == {0, 1, 2}
    assert {row["status"] for row in raw(database, "deployments")} >= {"succeeded", "failed", "rolled_back"}


def test_weeks_and_days_have_a_rhythm(database):
    acts = [utc(row["occurred_at"]) for row in raw(database, "activity")]
    weekend = sum(act.weekday() >= 5 for act in acts) / len(acts)
    by_night = sum(act.hour < 5 for act in acts) / len(acts)
    assert 0.02 < weekend < 0.1
    assert 0.005 < by_night < 0.1


def test_no_address_leaves_through_the_mapping(database):
    for dataset in ("scans", "deployments", "activity", "users"):
        assert not [row for row in raw(database, dataset) if "@" in "".join(map(str, tuple(row)))]


def test_it_says_that_it_is_made_up(database):
    meta = dict(database.execute("SELECT key, value FROM sample_meta").fetchall())
    assert meta["note"].startswith("Made-up sample data")
    assert meta.keys() >= {"seed", "days", "scale", "start", "until", "generator"}
    assert Path(__file__).parents[4].joinpath("docs", "sample.md").read_text().count(meta["server_zone"])
