"""A damaged database of Prefect's costs its runs, and nobody's patience."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.serving.environments import keeping_runs, server_environment
from flows.serving.prefect_database import (
    DAMAGE_SAID,
    KEPT,
    OWN_DATABASE,
    DamageWatch,
    drop_set_aside,
    explain_failure,
    prefect_database,
    prepare_database,
    set_aside_folder,
)
from flows.serving.prefect_schema import lay_out
from storage.home import Home
from storage.sqlite_files import damage

ROOT = Path(__file__).parents[3]
PAGE = 4096


@pytest.fixture
def database(home: Home) -> Path:
    """A real one in a home, as a first start makes it, with nobody using it."""
    lay_out(home, {})
    return prefect_database(home)


@pytest.fixture
def used(home: Home, prefect_sqlite: Path) -> Path:
    """One with runs in it."""
    home.prefect.mkdir(parents=True)
    with closing(sqlite3.connect(prefect_sqlite)) as con:
        con.execute("VACUUM INTO ?", [str(prefect_database(home))])
    return prefect_database(home)


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(at)
        file.write(content)


def first_page_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as con:
        (page,) = con.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]).fetchone()
    return (page - 1) * PAGE


def harm(path: Path, table: str = "flow_run") -> None:
    """Break a table."""
    overwrite(path, first_page_of(path, table), bytes(PAGE))


def test_sound_database_stays(home: Home, database: Path) -> None:
    assert not prepare_database(home, {})
    assert not set_aside_folder(home).exists()


def test_damaged_one_is_set_aside_with_its_log_and_said_in_one_line(
    home: Home, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harm(database)
    database.with_name("prefect.db-shm").write_bytes(b"")
    content = database.read_bytes()
    assert prepare_database(home, {})
    (folder,) = set_aside_folder(home).iterdir()
    assert (folder / "prefect.db").read_bytes() == content
    assert not database.exists()
    (said,) = caplog.messages
    assert said.startswith("Prefect's database was damaged (")
    assert str(folder) in said
    assert "\n" not in said


def test_database_elsewhere_is_its_operators(home: Home, database: Path) -> None:
    harm(database)
    assert not prepare_database(home, {OWN_DATABASE[0]: "postgresql+asyncpg://host/prefect"})
    assert database.exists()


def test_no_more_than_a_few_are_kept_and_forgetting_drops_them(home: Home) -> None:
    home.prefect.mkdir(parents=True)
    for _ in range(KEPT + 2):
        prefect_database(home).write_bytes(b"")
        assert prepare_database(home, {})
    assert len(list(set_aside_folder(home).iterdir())) == KEPT
    assert drop_set_aside(home) == KEPT
    assert drop_set_aside(home) == 0


def test_holes_are_written_away(home: Home, database: Path) -> None:
    before = database.stat().st_size
    with closing(sqlite3.connect(database)) as con:
        con.execute("CREATE TABLE filling AS SELECT zeroblob(4000000) AS zeros")
        con.commit()
        con.execute("DROP TABLE filling")
        con.commit()
    prepare_database(home, {})
    assert database.stat().st_size <= before
    assert damage(database, thorough=True) is None


def test_failure_is_explained_where_damage_is_its_cause(home: Home) -> None:
    home.prefect.mkdir(parents=True)
    now, error = datetime.now(UTC), RuntimeError("500 Internal Server Error")
    assert explain_failure(home, error, now) is error
    prefect_database(home).write_bytes(b"garbage" * 1000)
    assert "is damaged (it does not begin as a database does)" in str(explain_failure(home, error, now))
    prepare_database(home, {})
    assert "has been set aside in" in str(explain_failure(home, error, now - timedelta(seconds=9)))
    assert explain_failure(home, other := ValueError("a defect"), now) is other
    assert explain_failure(home, error, datetime.now(UTC)) is error


def test_log_is_believed_where_the_database_is_damaged(home: Home, tmp_path: Path) -> None:
    home.prefect.mkdir(parents=True)
    log = tmp_path / "server.log"
    log.write_text("started\n")
    watch = DamageWatch(home, log)
    assert not watch.sees_damage()
    with log.open("a") as file:
        file.write(DAMAGE_SAID[0])
    assert not watch.sees_damage()  # for there is none
    prefect_database(home).write_bytes(b"garbage" * 1000)
    assert not watch.sees_damage()  # nobody has said so again
    with log.open("a") as file:
        file.write(f"\n{DAMAGE_SAID[1]}\n")
    assert watch.sees_damage()


def test_retention_of_runs_is_a_setting_and_the_users_variables_go_before_it(home: Home) -> None:
    name = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"
    assert server_environment(keeping_runs(2), home, "a:b", [])[name] == "172800"
    assert server_environment({**keeping_runs(2), name: "7200"}, home, "a:b", [])[name] == "7200"


def govpulse_run(home: Path) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "GOVPULSE_"))}
    command = [sys.executable, "-m", "flows", "run", "--only", "collect", "--json"]
    return subprocess.run(command, cwd=ROOT, env={**clean, "GOVPULSE_HOME": str(home)}, capture_output=True, text=True, timeout=300)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "header": lambda path: overwrite(path, 3, b"XX"),
    "table of runs": harm,
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
}


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.parametrize("name", ["header", *(pytest.param(each, marks=pytest.mark.campaign) for each in ("table of runs", "cut"))])
def test_run_works_all_the_same(home: Home, database: Path, name: str) -> None:
    home.root.chmod(0o711)
    DAMAGES[name](database)
    done = govpulse_run(home.root)
    assert done.returncode == 0, done.stderr
    assert "collect" in json.loads(done.stdout)["results"]
    assert done.stderr.count("\n") == 1
    assert "Prefect's database was damaged" in done.stderr
    assert damage(database) is None


@pytest.mark.slow
@pytest.mark.prefect
def test_up_heals_what_is_damaged_while_it_serves(
    start_up: Any, tiny_project: Path, new_port: Any, until: Any, tmp_path: Path
) -> None:
    up = start_up(tmp_path / "home", tiny_project, new_port()).await_up()
    database = prefect_database(Home(up.home))
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    harm(database, "deployment")
    with closing(sqlite3.connect(database)) as con:
        con.execute("PRAGMA user_version = 1")  # whoever has pages in memory reads them again

    def is_set_aside() -> bool:
        try:
            up.ask("deployments/filter")
        except OSError:  # the server says 500, and is away for some seconds
            return False
        return set_aside_folder(Home(up.home)).exists()

    until(is_set_aside, 120.0)
    until(lambda: {"nap"} <= {one["name"] for one in up.ask("deployments/filter")}, 120.0)
    assert "Prefect's database was damaged" in up.output()
    assert up.stop(signal.SIGINT) == 0


def age(database: Path) -> None:
    """Let what has ended have ended a month ago, one run with a board of its own."""
    with closing(sqlite3.connect(database)) as con:
        con.execute("UPDATE flow_run SET end_time = datetime('now', '-30 days') WHERE end_time IS NOT NULL")
        (run,) = con.execute("SELECT id FROM flow_run WHERE end_time IS NOT NULL").fetchone()
        page = (str(uuid.uuid4()), run)
        con.execute("INSERT INTO artifact (id, flow_run_id, key, type, data) VALUES (?, ?, 'board', 'markdown', '\"text\"')", page)
        columns = "id, latest_id, flow_run_id, key, type, data"
        collected = (str(uuid.uuid4()), *page)
        con.execute(f"INSERT INTO artifact_collection ({columns}) VALUES (?, ?, ?, 'board', 'markdown', '1')", collected)
        con.commit()


@pytest.mark.campaign
@pytest.mark.prefect
def test_server_of_a_run_deletes_old_runs_and_neither_scheduled_ones_nor_boards(home: Home, used: Path) -> None:
    home.root.chmod(0o711)
    age(used)
    count = "SELECT count(*) FROM flow_run WHERE {}"
    with closing(sqlite3.connect(used)) as con:
        (open_before,) = con.execute(count.format("end_time IS NULL AND state_type = 'SCHEDULED'")).fetchone()
    assert govpulse_run(home.root).returncode == 0
    with closing(sqlite3.connect(used)) as con:
        assert con.execute(count.format("end_time < datetime('now', '-20 days')")).fetchone() == (0,)
        assert con.execute(count.format("end_time IS NULL AND state_type = 'SCHEDULED'")).fetchone() == (open_before,)
        assert con.execute("SELECT count(*) FROM artifact WHERE key = 'board'").fetchone() == (0,)
        assert con.execute("SELECT count(*) FROM artifact_collection WHERE key = 'board'").fetchone() == (1,)
