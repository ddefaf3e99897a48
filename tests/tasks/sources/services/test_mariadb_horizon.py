"""How far a look at MariaDB sees everything: with real transactions that hold it back, on a server whose system is not in UTC."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Horizon
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tests.homes import migrated_home
from tests.mariadb import MariadbServer

pytestmark = pytest.mark.services
LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NAME = "horizons"
PEOPLE = "CREATE TABLE people (id varchar(40) PRIMARY KEY, updated_at datetime(6), KEY changed (updated_at))"
USERS = """
SELECT id AS user_id, 'analyst' AS role, NULL AS team, NULL AS is_active, NULL AS preferences, NULL AS created_at, updated_at
FROM people
"""
WRITERS, EXTRACTIONS, LEAST_ROWS = 5, 50, 300
PATIENCE_SECONDS = 600
Look = Callable[..., Horizon]


def source_at(url: str, folder: Path) -> Source:
    folder.mkdir(exist_ok=True)
    (folder / "users.sql").write_text(USERS)
    return Source("mine", Address("mysql", url), str(folder), fallback_overlap_seconds=600.0)


@pytest.fixture
def look(mariadb: MariadbServer, tmp_path: Path) -> Look:
    """The horizon of a session that begins now."""
    url = mariadb.create_database(NAME, PEOPLE)

    def at(address: str = url) -> Horizon:
        with open_session(source_at(address, tmp_path / "mine")) as session:
            return session.horizon

    return at


@pytest.fixture
def other(mariadb: MariadbServer, look: Look) -> Iterator[Any]:
    """A cursor of another client, in a transaction."""
    with closing(mariadb.connect(NAME)) as connection:
        connection.begin()
        yield connection.cursor()
        connection.rollback()


def behind(horizon: Horizon) -> float:
    """Seconds; server and test have one clock."""
    assert horizon.instant is not None
    return (datetime.now(UTC) - horizon.instant).total_seconds()


def test_where_nothing_is_open_it_is_the_servers_clock_less_a_second(look: Look) -> None:
    before = datetime.now(UTC)
    horizon = look()
    assert before - timedelta(seconds=1) <= horizon.instant <= datetime.now(UTC) - timedelta(seconds=1)
    assert horizon.said is None


def test_a_transaction_that_has_written_holds_it_at_its_start(look: Look, other: Any) -> None:
    before = datetime.now(UTC)
    other.execute("INSERT INTO people VALUES ('a', utc_timestamp(6))")
    time.sleep(2.5)
    assert before - timedelta(seconds=2) <= look().instant <= before
    other.connection.commit()
    time.sleep(0.2)  # for so long the server shows what it has shown
    assert look().instant > before


def test_a_statement_that_still_runs_holds_it(look: Look, mariadb: MariadbServer) -> None:
    """It waits for the table, so that no transaction shows; its rows carry the instant at which it began."""
    with closing(mariadb.connect(NAME)) as holder, closing(mariadb.connect(NAME)) as waiting:
        holder.cursor().execute("LOCK TABLES people WRITE")
        before = datetime.now(UTC)
        running = Thread(target=waiting.cursor().execute, args=("INSERT INTO people VALUES ('a', utc_timestamp(6))",))
        running.start()
        time.sleep(2.5)
        held = look().instant
        holder.cursor().execute("UNLOCK TABLES")
        running.join()
        cursor = waiting.cursor()
        cursor.execute("SELECT updated_at FROM people")
        assert held <= cursor.fetchone()[0].replace(tzinfo=UTC)
        assert before - timedelta(seconds=3) <= held


def test_a_prepared_transaction_holds_it(look: Look, mariadb: MariadbServer) -> None:
    before = datetime.now(UTC)
    with closing(mariadb.connect(NAME)) as connection:
        cursor = connection.cursor()
        for statement in ("XA START 'left'", "INSERT INTO people VALUES ('a', now())", "XA END 'left'", "XA PREPARE 'left'"):
            cursor.execute(statement)
        time.sleep(2.5)
        assert look().instant <= before
        cursor.execute("XA ROLLBACK 'left'")


def test_an_account_without_the_privilege_falls_back_until_it_is_granted(look: Look, mariadb: MariadbServer, other: Any) -> None:
    mariadb.run(
        "CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY 's3cret'", f"GRANT SELECT ON {NAME}.people TO reader@'127.0.0.1'"
    )
    url = mariadb.url(NAME, "reader", "s3cret")
    other.execute("INSERT INTO people VALUES ('a', utc_timestamp(6))")
    horizon = look(url)
    assert 600 <= behind(horizon) < 605
    said = "the account may not see the transactions of others: the last 10 min is read again each time; GRANT PROCESS avoids that"
    assert horizon.said == said
    mariadb.run("GRANT PROCESS ON *.* TO reader@'127.0.0.1'")
    horizon = look(url)
    assert behind(horizon) < 10
    assert horizon.said is None


def test_a_server_that_is_read_only_is_taken_for_a_replica(look: Look, mariadb: MariadbServer) -> None:
    mariadb.run("SET GLOBAL read_only = 1")
    try:
        horizon = look()
    finally:
        mariadb.run("SET GLOBAL read_only = 0")
    assert horizon.said == "the source is a replica: the last 10 min is read again each time"
    assert 600 <= behind(horizon) < 605


def write(server: MariadbServer, writer: int, stop: Event) -> None:
    """Rows stamped by the database, in transactions that stay open for up to three seconds, of which some are rolled back."""
    chance = random.Random(writer)
    with closing(server.connect(NAME)) as connection:
        cursor, count = connection.cursor(), 0
        while not stop.is_set():
            connection.begin()
            for _ in range(chance.randint(1, 3)):
                cursor.execute("INSERT INTO people VALUES (%s, utc_timestamp(6))", [f"{writer}-{count}"])
                count += 1
                time.sleep(chance.random() * 0.1)
            time.sleep(chance.choice([0.0, 0.1, 3.0]))
            connection.commit() if chance.random() < 0.9 else connection.rollback()


def extract(home: Home, source: Source) -> None:
    so_far = read_progress.fn(str(home.root), limits=LIMITS, source="mine")
    done = extract_datasets.fn(
        str(home.root), source=source, so_far=so_far, overlap_seconds=0.0, extracted_at=datetime.now(UTC), report=lambda _: None
    )
    assert done.failures == {}
    with warehouse(home, LIMITS) as con:
        load_landing(con, home)


class PlainWatermark:
    """What a reader has that goes on from the newest change that it has seen."""

    def __init__(self, server: MariadbServer) -> None:
        self.server, self.newest, self.keys = server, datetime(2000, 1, 1), set()

    def look(self) -> None:
        with closing(self.server.connect(NAME)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT id, updated_at FROM people WHERE updated_at >= %s", [self.newest])
            for key, changed in cursor.fetchall():
                self.keys.add(key)
                self.newest = max(self.newest, changed)


def test_no_row_is_lost_among_writers_that_hold_transactions_open(look: Look, mariadb: MariadbServer, tmp_path: Path) -> None:
    """Without any overlap; a watermark at the newest change loses rows of the same table at the same time."""
    home, source = migrated_home(tmp_path / "home"), source_at(mariadb.url(NAME), tmp_path / "mine")
    stop, plain = Event(), PlainWatermark(mariadb)
    writers = [Thread(target=write, args=(mariadb, number, stop)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    until = time.monotonic() + PATIENCE_SECONDS
    count = 0
    while (count < EXTRACTIONS or known(mariadb) < LEAST_ROWS) and time.monotonic() < until:
        extract(home, source)
        plain.look()
        count += 1
    stop.set()
    for writer in writers:
        writer.join()
    extract(home, source)
    plain.look()
    with closing(mariadb.connect(NAME)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM people")
        there = {key for (key,) in cursor.fetchall()}
    with warehouse(home, LIMITS) as con:
        ours = {key for (key,) in fetch(con, "SELECT user_id FROM raw.users").rows()}
    print(f"{count} extractions, {len(there)} rows, lost {len(there - ours)}, by the plain watermark {len(there - plain.keys)}")
    assert count >= EXTRACTIONS
    assert len(there) >= LEAST_ROWS
    assert ours == there
    assert len(there - plain.keys) > len(there) / 20


def known(server: MariadbServer) -> int:
    with closing(server.connect(NAME)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM people")
        return cursor.fetchone()[0]
