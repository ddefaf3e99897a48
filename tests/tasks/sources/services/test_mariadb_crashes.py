"""The extracting process is killed, its connection cut, the server restarted: after one more run, MariaDB and warehouse agree."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pymysql
import pytest

from storage.frames import fetch
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tests.campaigns.extractor import LIMITS, run_once
from tests.homes import migrated_home
from tests.mariadb import MariadbServer

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[4]
NAME, ROWS = "crashes", 60_000
KILLS, CUTS, RESTARTS = 10, 3, 1
PEOPLE = "CREATE TABLE people (id varchar(40) PRIMARY KEY, team varchar(40), updated_at datetime(6), KEY changed (updated_at))"
FILLED = f"INSERT INTO people SELECT concat('p', seq), 'first', '2026-01-01' + INTERVAL seq MINUTE FROM seq_1_to_{ROWS}"
USERS = """
SELECT id AS user_id, 'analyst' AS role, team, NULL AS is_active, NULL AS preferences, NULL AS created_at, updated_at FROM people
"""
OURS = "SELECT id FROM information_schema.processlist WHERE info LIKE '%AS mapped%' AND id <> connection_id()"


@pytest.fixture
def server() -> Iterator[MariadbServer]:
    """One of its own, to restart. What it has committed must outlive its crash, or it is the source that forgets."""
    server = MariadbServer("innodb_flush_log_at_trx_commit=1")
    yield server
    server.remove()


def write(server: MariadbServer, writer: int, stop: Event) -> None:
    """Changes and new rows in transactions that are held open for up to a second; a crash of the server ends one of them."""
    chance, count = random.Random(writer), 0
    while not stop.is_set():
        with suppress(pymysql.Error, OSError), closing(server.connect(NAME)) as connection:
            cursor = connection.cursor()
            while not stop.is_set():
                count += 1
                connection.begin()
                cursor.execute("INSERT INTO people VALUES (%s, 'new', utc_timestamp(6))", [f"w{writer}-{count}"])
                changed = f"p{chance.randint(0, ROWS // 2) * 2 + writer % 2}"
                cursor.execute("UPDATE people SET team = %s, updated_at = utc_timestamp(6) WHERE id = %s", [f"t{count}", changed])
                time.sleep(chance.choice([0.0, 0.05, 1.0]))
                connection.commit()
        time.sleep(0.1)


@contextmanager
def extracting(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.campaigns.extractor", str(folder), url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def cut_connections(server: MariadbServer) -> int:
    """While a statement of ours runs, if one does within five seconds; returns how many were cut."""
    ends = time.monotonic() + 5.0
    with closing(server.connect()) as connection:
        cursor = connection.cursor()
        while time.monotonic() < ends:
            cursor.execute(OURS)
            if found := cursor.fetchall():
                for (number,) in found:
                    with suppress(pymysql.Error):  # it may have ended
                        cursor.execute(f"KILL CONNECTION {number}")
                return len(found)
            time.sleep(0.002)
    return 0


def state(rows: Any) -> dict[str, str]:
    return dict(rows)


def test_kills_cuts_and_a_restart_lose_nothing(server: MariadbServer, tmp_path: Path) -> None:
    home, url, chance = migrated_home(tmp_path / "home"), server.create_database(NAME, PEOPLE, FILLED), random.Random(11)
    (tmp_path / "mapping").mkdir()
    (tmp_path / "mapping" / "users.sql").write_text(USERS)
    stop, cut, heard = Event(), 0, []
    writers = [Thread(target=write, args=(server, number, stop)) for number in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        with extracting(tmp_path, url):
            time.sleep(chance.uniform(0.0, 1.5))
    for number in range(CUTS + RESTARTS):
        with extracting(tmp_path, url) as process:
            if number < CUTS:
                cut += cut_connections(server)
            else:
                server.restart()
            heard += [process.stdout.readline(), process.stdout.readline()]
    stop.set()
    for writer in writers:
        writer.join()
    source = Source("acts", Address("mysql", url), str(tmp_path / "mapping"), fallback_overlap_seconds=120.0)
    heard.append(run_once(home, source))
    with closing(server.connect(NAME)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id, team FROM people")
        there = state(cursor.fetchall())
    with warehouse(home, LIMITS) as con:
        rows = fetch(con, "SELECT user_id, team FROM raw.users").rows()
    print(f"{len(there):,} rows, {cut} cut; " + "".join(heard))
    assert cut == CUTS
    assert any("Lost connection" in line or "the connection is lost" in line for line in heard)
    assert all("Traceback" not in line for line in heard)
    assert len(rows) == len(there) > ROWS
    assert state(rows) == there
