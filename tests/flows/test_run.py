"""`govpulse run` as a user calls it: a process of its own, against a real Prefect server."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.alerts import evaluate_alerts
from flows.insights import compute_insights
from flows.maintenance import maintain_warehouse
from flows.pipeline import govpulse_pipeline
from flows.reconciliation import reconcile_sources
from flows.report import Report, RunFailedError
from flows.sources import extract_sources
from storage.backups.manifest import manifests_in
from storage.home import Home
from storage.intake.landing import land
from storage.warehouse import warehouse
from tasks.sources import pace
from tasks.sources.address import Address
from tasks.sources.sample.database import write_sample
from tasks.sources.sample.postgresql import write_sample_to
from tests.postgresql import PostgresServer

pytestmark = pytest.mark.prefect

Govpulse = Callable[..., subprocess.CompletedProcess[str]]
Pipeline = Callable[..., Report]
SAMPLES = "SELECT sum(samples) FROM insights.system_metrics_hourly WHERE metric = 'system.uptime'"


@pytest.fixture
def govpulse(tiny_up: Any, home: Home) -> Govpulse:
    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**command(tiny_up, home, *arguments), text=True, capture_output=True, timeout=300, **options)

    return call


def command(up: Any, home: Home, *arguments: str, **variables: str) -> dict[str, Any]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    ours = {"GOVPULSE_HOME": str(home.root), "PREFECT_HOME": str(home.root / "results"), **up.variables}
    return {"args": [sys.executable, "-m", "flows", *arguments], "env": {**clean, **ours, **variables}}


@pytest.fixture
def pipeline(tiny_up: Any, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Report]]:
    """The pipeline's flow in this process: what it reports, failed or not."""
    monkeypatch.setenv("GOVPULSE_HOME", str(home.root))

    def run(**parameters: Any) -> Report:
        try:
            return govpulse_pipeline(**parameters)
        except RunFailedError as failed:
            return failed.report

    with temporary_settings({**tiny_up.settings, PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield run
        EventsWorker.drain_all()  # while the server is there: at the end of the process it would be waited for in vain


@pytest.fixture
def small_sample(home: Home) -> None:
    """A sample lies there already, of two weeks and of a tenth of the size: it is brought up to now, and read in no time."""
    home.sample.parent.mkdir(parents=True)
    write_sample(home.sample, until=datetime.now(UTC) - timedelta(hours=1), days=14, scale=0.1)


@pytest.fixture(params=["a tenth", pytest.param("all of it", marks=pytest.mark.campaign)])
def sample(request: pytest.FixtureRequest, home: Home) -> None:
    """What the run finds: a tenth of the activity in two thirds of the time, or nothing, so that it makes all of it itself."""
    if request.param == "a tenth":
        home.sample.parent.mkdir(parents=True)
        write_sample(home.sample, until=datetime.now(UTC) - timedelta(hours=1), days=60, scale=0.1)


def published(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.published), read_only=True) as con:
        return con.sql(sql).fetchall()


def true_incidents(home: Home) -> list[tuple[str, str]]:
    """Kind and subject of the dead and the slower scans that were built into the sample and still last."""
    with closing(sqlite3.connect(home.sample)) as con:
        labels = "SELECT kind, subject FROM sample_labels WHERE kind IN ('stuck_scan', 'scan_slowdown') AND finished_at IS NULL"
        found = con.execute(labels).fetchall()
    assert {kind for kind, _ in found} == {"stuck_scan", "scan_slowdown"}
    return found


def one_line(text: str) -> str:
    """What a failing command said, which must be one line and no traceback."""
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


@pytest.mark.usefixtures("sample")
def test_one_command_runs_the_whole_pipeline(govpulse: Govpulse, home: Home) -> None:
    done = govpulse("run")
    assert done.returncode == 0, done.stderr
    for said in (
        "sample, a made-up database",
        "1 sample of this host",
        "rejected",
        "to do",
        "firing",
        "insights.deployment_metrics",
    ):
        assert said in done.stdout
    intervals = "SELECT success_rate_low, success_rate, success_rate_high FROM insights.deployment_metrics WHERE deployments > 0"
    rates = published(home, intervals)
    assert rates
    assert all(0 <= low <= rate <= high <= 1 for low, rate, high in rates)
    assert published(home, "SELECT bool_and(is_sample) FROM insights.deployment_metrics WHERE attempts > 0") == [(True,)]
    assert published(home, "SELECT count(*) > 0 FROM alerts.alerts WHERE state = 'firing'") == [(True,)]
    assert published(home, "SELECT flow, status FROM ops.runs") == [("govpulse_pipeline", "succeeded")]
    findings = published(home, "SELECT kind, subject FROM insights.performance_insights WHERE ended_at IS NULL")
    for kind, subject in true_incidents(home):
        found = {name.split(" / ")[0] for found_kind, name in findings if found_kind == kind}
        assert subject in found, f"{kind} of {subject} is in the sample and was not found"
    queried = govpulse("query", "--format", "json", "SELECT * FROM insights.deployment_metrics")
    assert json.loads(queried.stdout)[0]["success_rate_low"] > 0


READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
before = con.sql("SELECT * FROM insights.system_metrics_hourly ORDER BY ALL").fetchall()
print("open", flush=True)
sys.stdin.readline()
print(con.sql("SELECT * FROM insights.system_metrics_hourly ORDER BY ALL").fetchall() == before, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts", [["--only", "collect,system_metrics_hourly"], pytest.param([], marks=pytest.mark.campaign)], ids=str
)
def test_two_runs_at_once_while_a_reader_holds_the_file(tiny_up: Any, govpulse: Govpulse, home: Home, parts: list[str]) -> None:
    first = govpulse("run", "--only", "collect,system_metrics_hourly")
    assert first.returncode == 0, first.stderr
    reader = subprocess.Popen([sys.executable, "-c", READER, str(home.published)], stdin=-1, stdout=-1, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    both = [
        subprocess.Popen(**command(tiny_up, home, "run", *parts, GOVPULSE_SOURCE__KIND="none"), stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    for run in both:
        _, stderr = run.communicate(timeout=300)
        assert run.returncode == 0, stderr
    assert reader.communicate("done\n")[0] == "True\n", "the reader's rows changed under it"
    # Three runs took a sample each: none is lost, none doubled.
    assert published(home, SAMPLES) == [(3,)]
    assert not list(home.landing.glob("*/*.parquet"))


@pytest.mark.parametrize(
    "only", [["collect", "extract", "system_metrics_hourly"], pytest.param(None, marks=pytest.mark.campaign)], ids=str
)
def test_missing_source_fails_in_one_line_and_the_rest_goes_on(
    pipeline: Pipeline, home: Home, monkeypatch: Any, only: list[str] | None
) -> None:
    monkeypatch.setenv("GOVPULSE_SOURCE__KIND", "sqlite")
    monkeypatch.setenv("GOVPULSE_SOURCE__URL", "/nowhere/platform.db")
    report = pipeline(only=only)
    assert set(report.failures) == {"extract"}
    assert "/nowhere/platform.db does not exist" in report.failures["extract"]
    assert published(home, SAMPLES) == [(1,)]
    assert published(home, "SELECT status, error LIKE '%/nowhere/platform.db%' FROM ops.runs") == [("failed", True)]


@pytest.mark.slow
def test_corrupt_landing_file_fails_the_run_once_and_costs_nothing_else(pipeline: Pipeline, home: Home) -> None:
    land(home, "scans", pl.DataFrame({"scan_id": ["a"]}))
    folder = home.landing / "scans"
    (folder / "00-torn.parquet").write_bytes(next(folder.glob("*.parquet")).read_bytes()[:-20])
    whys = list(pipeline(only=["collect", "active_scans"]).failures.values())
    assert any("00-torn.parquet is not a whole Parquet file" in why for why in whys)
    assert any("needs the columns data_source, scan_type, status, updated_at" in why for why in whys)
    assert len(list((home.quarantine / "scans").iterdir())) == 2
    assert not pipeline(only=["active_scans"]).failures


def test_warehouse_of_a_newer_version_is_refused_untouched(pipeline: Pipeline, home: Home) -> None:
    with warehouse(home) as con:
        con.execute("INSERT INTO ops.schema_migrations VALUES (9999, '9999_from_the_future', now())")
    before = home.warehouse.read_bytes()
    failures = pipeline(only=["collect", "active_scans"]).failures
    assert set(failures) == {"load", "active_scans", "publish"}
    assert all("newer govpulse (migration 9999_from_the_future)" in why for why in failures.values())
    assert home.warehouse.read_bytes() == before
    assert list(home.landing.glob("system_metrics/*.parquet")), "what was collected waits in the landing zone"


@pytest.mark.slow
def test_full_disk_loses_nothing(govpulse: Govpulse, pipeline: Pipeline, home: Home) -> None:
    """A limit on the size of files stands for the full disk: the same writes fail, with EFBIG for ENOSPC."""
    land(home, "users", pl.DataFrame({"user_id": ["u1"], "updated_at": ["2026-01-01T00:00:00Z"]}), metadata={"source": "load"})

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = govpulse("run", "--only", "active_scans", preexec_fn=fill)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (kept,) = (home.root / "results" / "storage").iterdir()
    assert json.loads(kept.read_bytes())["__exc_type__"] == "flows.report.RunFailedError"  # what Prefect keeps, and no pickle
    assert not pipeline(only=["active_scans"]).failures
    with warehouse(home) as con:
        assert con.sql("SELECT user_id FROM raw.users").fetchall() == [("u1",)]


def test_home_that_cannot_be_written_is_one_line(tiny_up: Any) -> None:
    done = subprocess.run(**command(tiny_up, Home(Path("/proc/govpulse")), "run"), text=True, capture_output=True, timeout=300)
    assert done.returncode == 1
    assert "/proc/govpulse" in one_line(done.stderr)


def test_unknown_setting_is_one_line_and_exit_code_2(govpulse: Govpulse, home: Home, tmp_path: Path) -> None:
    file = tmp_path / "govpulse.toml"
    file.write_text(
        textwrap.dedent("""
        [collect]
        intervall_seconds = 3
    """)
    )
    done = govpulse("--config", str(file), "run")
    assert done.returncode == 2
    assert "collect.intervall_seconds" in one_line(done.stderr)
    assert not home.published.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("small_sample")
def test_same_as_of_twice_gives_the_same_rows(pipeline: Pipeline, home: Home) -> None:
    assert not pipeline(only=["collect", "extract"]).failures
    tables = ["deployment_metrics", "active_scans", "system_metrics_hourly"]
    seen, later = [], datetime.now(UTC) + timedelta(minutes=4)
    for _ in range(2):
        assert not pipeline(only=tables, as_of=later).failures
        seen.append([published(home, f"SELECT * FROM insights.{table} ORDER BY ALL") for table in tables])
    assert seen[0] == seen[1]
    assert all(seen[0])


@pytest.mark.slow
@pytest.mark.usefixtures("small_sample")
def test_every_flow_completes_and_records_itself(pipeline: Pipeline, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not pipeline(only=["collect"]).failures
    for flow in (extract_sources, reconcile_sources, compute_insights, evaluate_alerts, maintain_warehouse):
        assert not flow().failures
    flows = {flow for (flow,) in published(home, "SELECT flow FROM ops.runs WHERE status = 'succeeded'")}
    assert flows == {
        "govpulse_pipeline",
        "extract_sources",
        "reconcile_sources",
        "compute_insights",
        "evaluate_alerts",
        "maintain_warehouse",
    }
    assert published(home, "SELECT bool_and(is_ok) AND count(*) > 5 FROM ops.checks") == [(True,)]
    assert len(manifests_in(home.backups)) == 1
    assert people_in(home)
    monkeypatch.setenv("GOVPULSE_PUBLISH__PEOPLE", "false")
    assert not compute_insights(only=["performance_insights"]).failures, "its pages and boards do without people, too"
    assert people_in(home) == set()
    assert [path for path in home.root.rglob("*") if path.stat().st_mode & 0o077 and path not in open_to_others(home)] == []


def people_in(home: Home) -> set[str]:
    """The users of the sample that any value of the published file names, or any file of the report."""
    with closing(sqlite3.connect(home.sample)) as con:
        users = {str(user) for (user,) in con.execute("SELECT id FROM users")}
    tables = [name for (name,) in published(home, "SELECT schema_name || '.' || table_name FROM duckdb_tables()")]
    said = "\n".join(row for name in tables for (row,) in published(home, f"SELECT CAST(t AS VARCHAR) FROM {name} AS t"))
    said += "\n".join(path.name + path.read_bytes().decode(errors="replace") for path in home.report.rglob("*.*"))
    return {user for user in users if user in said}


def open_to_others(home: Home) -> set[Path]:
    return {home.published, home.report, *home.report.rglob("*")}


@pytest.mark.campaign
def test_another_database_is_read_from_its_beginning(pipeline: Pipeline, home: Home, tmp_path: Path, monkeypatch: Any) -> None:
    """The watermark belongs to the database: one that is newer in one must not hide the rows of the other."""
    monkeypatch.setenv("GOVPULSE_SOURCE__KIND", "sqlite")
    for name, until in (("new.sqlite", datetime(2026, 6, 1, tzinfo=UTC)), ("old.sqlite", datetime(2025, 6, 1, tzinfo=UTC))):
        write_sample(tmp_path / name, until=until, days=14, scale=0.1)
        monkeypatch.setenv("GOVPULSE_SOURCE__URL", str(tmp_path / name))
        report = pipeline(only=["extract", "deployment_metrics"], as_of=until)
        assert not report.failures
        assert published(home, "SELECT deployments > 0 FROM insights.deployment_metrics WHERE environment = service") == [(True,)]
    assert published(home, "SELECT count(DISTINCT source) FROM ops.watermarks") == [(2,)]


@pytest.mark.slow
def test_a_platform_in_postgresql_from_the_sample_to_the_insights(
    pipeline: Pipeline, tiny_up: Any, home: Home, postgres: PostgresServer, monkeypatch: Any
) -> None:
    """What is deleted there between two runs is in no insight after reconciling; progress and refused rows are artifacts."""
    url = postgres.create_database("platform")
    write_sample_to(Address("postgresql", url), until=datetime.now(UTC), seed=7, days=14, scale=0.1)
    monkeypatch.setenv("GOVPULSE_SOURCE__KIND", "postgresql")
    monkeypatch.setenv("GOVPULSE_SOURCE__URL", url)
    monkeypatch.setenv("GOVPULSE_SOURCE__TIMEZONE", "Europe/Berlin")
    monkeypatch.setattr(pace, "REPORT_EVERY_SECONDS", 0.0)
    assert not pipeline(only=["extract", "active_scans"]).failures
    (active,) = published(home, "SELECT count(*) FROM insights.active_scans")
    assert active[0] > 0
    with postgres.connect("platform") as con:
        con.execute("DELETE FROM scan WHERE completed_at IS NULL")
    assert not reconcile_sources().failures
    assert not pipeline(only=["active_scans"]).failures
    assert published(home, "SELECT count(*) FROM insights.active_scans") == [(0,)]
    assert published(home, "SELECT deleted > 0 FROM ops.reconciliations WHERE dataset = 'scans'") == [(True,)]
    found = tiny_up.ask("artifacts/filter", {"limit": 200})
    artifacts = {one["key"]: one for one in found}
    read = [float(one["data"]) for one in found if one["key"] == "extraction-activity"]
    assert 100.0 in read, "the schedules may be reading their own source meanwhile"
    assert "rows/s" in artifacts["extraction-activity"]["description"]
    assert "rejected-rows" in artifacts
    assert "reconciliation" in artifacts
