"""A table of acts in PostgreSQL that many write to at once, a mapping of it, and what the warehouse should have of it."""

import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tests.postgresql import PostgresServer

HELD_SHARE = 0.05
LIMITS = Limits(lock_timeout_seconds=60.0, threads=2)
TABLE = """
CREATE TABLE acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    filler text NOT NULL DEFAULT repeat('x', 200)
)
"""
SELECT = """
SELECT
    id AS activity_id, NULL::text AS user_id, NULL::text AS workspace_id, NULL::text AS activity_type, filler AS action,
    NULL::text AS domain, NULL::text AS resource_type, NULL::text AS resource_id, NULL::text AS operation, version AS item_count,
    1 AS domain_count, 'succeeded' AS status, NULL::float8 AS duration_seconds, updated_at AS occurred_at, updated_at
FROM acts
"""


class Acts:
    """The table, on a database of its own, and a govpulse home that reads it."""

    def __init__(self, server: PostgresServer, database: str, folder: Path) -> None:
        self.server, self.database = server, database
        self.url = server.create_database(database)
        with self.connect() as con:
            con.execute(TABLE)
        (folder / "mapping").mkdir()
        (folder / "mapping" / "activity.sql").write_text(SELECT)
        self.home = Home(folder / "home")
        self.source = Source("acts", Address("postgresql", self.url), str(folder / "mapping"), fallback_overlap_seconds=120.0)

    def connect(self) -> psycopg.Connection:
        return self.server.connect(self.database)

    def fill(self, rows: int) -> None:
        with self.connect() as con:
            con.execute(
                "INSERT INTO acts (updated_at) SELECT now() - interval '1 day' * (n %% 40) - interval '1 second'"
                " FROM generate_series(1, %s) AS n",
                [rows],
            )

    def at_source(self) -> set[tuple[str, int, int]]:
        with self.connect() as con:
            rows = con.execute("SELECT id::text, version, (extract(epoch FROM updated_at) * 1000000)::bigint FROM acts").fetchall()
        return set(rows)

    def in_raw(self) -> list[tuple[str, int, int]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, "SELECT activity_id, item_count, epoch_us(updated_at) FROM raw.activity WHERE NOT is_deleted").rows()

    def assert_no_row_twice(self) -> None:
        here = self.in_raw()
        assert len(here) == len({key for key, _, _ in here}), "doubled"

    def assert_agrees(self) -> None:
        """Row by row: nothing missing, nothing doubled, no stale version."""
        self.assert_no_row_twice()
        there, here = self.at_source(), self.in_raw()
        assert {key for key, _, _ in there} - {key for key, _, _ in here} == set(), "missing"
        stale = sorted(set(here) - there)[:5]
        assert not stale, f"stale: {stale}, at the source {sorted(row for row in there if row[0] in {key for key, _, _ in stale})}"


class Writers:
    """`count` threads that insert and update, some of whose transactions stay open for a while."""

    def __init__(self, acts: Acts, *, count: int, hold_up_to: float, seed: int, pause: float = 0.02) -> None:
        self.acts, self.hold_up_to, self.pause = acts, hold_up_to, pause
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(random.Random(seed + number),)) for number in range(count)]

    def __enter__(self) -> "Writers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def hold(self, seconds: float) -> None:
        """One transaction more, that writes at its start and stays open for so long."""
        self.threads.append(threading.Thread(target=self._hold, args=(seconds,)))
        self.threads[-1].start()

    def _hold(self, seconds: float) -> None:
        with self.acts.connect() as con, con.transaction():
            con.execute("INSERT INTO acts DEFAULT VALUES")
            con.execute("UPDATE acts SET version = version + 1, updated_at = now() WHERE id IN (SELECT max(id) FROM acts)")
            self.done.wait(seconds)

    def _write(self, chance: random.Random) -> None:
        while not self.done.is_set():
            with suppress(psycopg.Error), self.acts.connect() as con:  # the server is restarted under some writers
                while not self.done.is_set():
                    self._transact(con, chance)
                    time.sleep(self.pause * chance.random())
            time.sleep(0.05)

    def _transact(self, con: psycopg.Connection, chance: random.Random) -> None:
        """Held open before it writes or after; now() is the transaction's start either way, so an instant may go back."""
        hold = self.hold_up_to * chance.random() if chance.random() < HELD_SHARE else 0.0
        is_late = chance.random() < 0.5
        with con.transaction():
            con.execute("SET LOCAL lock_timeout = '5s'")
            self.done.wait(hold if is_late else 0.0)
            if chance.random() < 0.6:
                con.execute("INSERT INTO acts DEFAULT VALUES")
            else:
                sql = "UPDATE acts SET version = version + 1, updated_at = now() WHERE id = (SELECT max(id) FROM acts) - %s"
                con.execute(sql, [chance.randrange(200)])
            self.done.wait(0.0 if is_late else hold)
