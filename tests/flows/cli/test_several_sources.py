"""Several sources in one home: two PostgreSQL databases and a SQLite file with the same ids, and a folder; one that is down costs
the others nothing."""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

NUMBER = itertools.count()
ROOT = Path(__file__).parents[3]
SCAN = """
SELECT CAST(id AS TEXT) AS scan_id, NULL AS name, 'crm' AS data_source, 'full' AS scan_type, status, status AS source_status,
    '2026-03-01T10:00:00Z' AS queued_at, NULL AS started_at, NULL AS finished_at, NULL AS assets_scanned, NULL AS issues_found,
    NULL AS triggered_by, NULL AS error_message, {updated_at} AS updated_at FROM scan
"""
CSV = "scan_id,data_source,scan_type,status,started_at,updated_at\n1,crm,full,canceled,2026-03-01T10:00:00Z,2026-03-01T11:00:00Z\n"


def in_toml(source: dict[str, str]) -> str:
    return "\n".join(["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in source.items())])


def govpulse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GOVPULSE_", "PREFECT_"))}
    environment = known | {"GOVPULSE_CONFIG": str(folder / "govpulse.toml"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flows", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False)


def rows(folder: Path) -> dict[str, str]:
    """The status of scan 1 by the source that has it."""
    answer = govpulse(folder, "query", "--private", "--format", "json", "SELECT source, status FROM raw.scans WHERE NOT is_deleted")
    return {row["source"]: row["status"] for row in json.loads(answer.stdout)}


@pytest.fixture
def put_postgresql(postgres: Any):
    """A database of one scan, number 1."""

    def put(name: str, status: str) -> str:
        url = postgres.create_database(f"several_{name}_{next(NUMBER)}")
        with psycopg.connect(url) as con:
            con.execute("CREATE TABLE scan (id INTEGER, status TEXT, updated_at TIMESTAMPTZ)")
            con.execute("INSERT INTO scan VALUES (1, %s, '2026-03-01T11:00:00Z')", [status])
        return url

    return put


@pytest.fixture
def folder(tmp_path: Path, put_postgresql: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of five sources, of which one is not there."""
    for kind, updated_at in (("mine", "updated_at"), ("lite", "'2026-03-01T11:00:00Z'")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "scans.sql").write_text(SCAN.format(updated_at=updated_at))
    with closing(sqlite3.connect(tmp_path / "one.sqlite")) as con, con:
        con.execute("CREATE TABLE scan (id INTEGER, status TEXT)")
        con.execute("INSERT INTO scan VALUES (1, 'running')")
    (tmp_path / "exports" / "scans").mkdir(parents=True)
    (tmp_path / "exports" / "scans" / "a.csv").write_text(CSV)
    urls = {"north": put_postgresql("north", "succeeded"), "south": put_postgresql("south", "failed")}
    monkeypatch.setenv("SOUTH_URL", urls["south"])
    sources = [
        {"name": "north", "kind": "postgresql", "url": urls["north"], "mapping": "./mine"},
        {"name": "south", "kind": "postgresql", "url_env": "SOUTH_URL", "mapping": "./mine"},
    ]
    sources += [
        {"name": "lite", "kind": "sqlite", "url": "one.sqlite", "mapping": "./lite"},
        {"name": "down", "kind": "sqlite", "url": "down.sqlite", "mapping": "./lite"},
        {"name": "exports", "kind": "files", "url": "exports"},
    ]
    (tmp_path / "govpulse.toml").write_text("\n".join(['home = "data"', *map(in_toml, sources)]))
    return tmp_path


@pytest.mark.slow
def test_the_same_id_in_every_source_is_a_row_of_each_and_one_that_is_down_costs_only_itself(folder: Path) -> None:
    done = govpulse(folder, "run", "--only", "extract", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert list(report["failures"]) == ["extract down"]
    assert rows(folder) == {"north": "succeeded", "south": "failed", "lite": "running", "exports": "canceled"}
    (folder / "one.sqlite").rename(folder / "down.sqlite")
    again = json.loads(govpulse(folder, "run", "--only", "extract", "--json").stdout)
    assert list(again["failures"]) == ["extract lite"]
    assert rows(folder) == {"north": "succeeded", "south": "failed", "lite": "running", "down": "running", "exports": "canceled"}


@pytest.mark.slow
def test_a_variable_that_is_not_set_costs_that_source_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUTH_URL")
    report = json.loads(govpulse(folder, "run", "--only", "extract", "--json").stdout)
    assert list(report["failures"]) == ["extract south", "extract down"]
    assert "SOUTH_URL is not set" in report["failures"]["extract south"]
    assert rows(folder).keys() == {"north", "lite", "exports"}


@pytest.mark.slow
def test_doctor_looks_at_each(folder: Path) -> None:
    found = json.loads(govpulse(folder, "doctor", "--json").stdout)
    by_check = {each["check"]: each["ok"] for each in found}
    assert [by_check[f"source {name}"] for name in ("north", "south", "lite", "down", "exports")] == [True, True, True, False, True]
    assert [name for name in by_check if name.startswith(("mapping", "file"))] == [
        "mapping north mine/scans.sql",
        "mapping south mine/scans.sql",
        "mapping lite lite/scans.sql",
        "file exports scans/a.csv",
    ]
    refused = govpulse(folder, "config", "check")
    assert "source down: the source database" in refused.stderr
    assert refused.stderr.count("\n") == 1
