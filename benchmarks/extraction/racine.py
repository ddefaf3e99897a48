"""racine databases to extract from, in a PostgreSQL of their own; what COPY takes to read one, and a checksum of it."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure
from tasks.sources.mapping import load_mapping
from tests.postgresql import BINARIES, PostgresServer

SCHEMA = Path(__file__).with_name("racine.sql")
SELECT = load_mapping("racine", "postgresql", "UTC").select("activity")
VIEW = "activity"
"""The mapping's SELECT as a view, for peers that read tables only."""
SETTINGS = ("shared_buffers=256MB", "wal_level=minimal", "max_wal_senders=0", "autovacuum=off")
OPEN_SHARE = 0.02
"""Of the acts, spread over all of the time: those that never said how they ended."""

FINGERPRINT = """
    SELECT count(*), count(DISTINCT activity_id), sum(CAST('0x' || left(md5(concat_ws('|',
        activity_id, coalesce(user_id, ''), coalesce(workspace_id, ''), activity_type, action, coalesce(domain, ''),
        coalesce(operation, ''), coalesce(item_count, '0'), domain_count, status,
        CAST(coalesce(duration_seconds, -1) * 1000 AS bigint),
        CAST(extract(epoch FROM occurred_at) * 1000000 AS bigint), CAST(extract(epoch FROM updated_at) * 1000000 AS bigint)
    )), 15) AS bigint))
"""
"""Rows, keys, and a sum over all rows that any changed cell changes; PostgreSQL and DuckDB understand it alike."""


@contextmanager
def racine_server() -> Iterator[PostgresServer]:
    server = PostgresServer(SETTINGS)
    try:
        yield server
    finally:
        server.remove()


def make_racine(server: PostgresServer, rows: int) -> str:
    """A racine database with so many acts; returns its URL."""
    name = f"racine_{rows}"
    url = server.create_database(name)
    variables = ("-v", "ON_ERROR_STOP=1", "-v", f"rows={rows}", "-v", f"open={OPEN_SHARE}")
    _psql(url, "-1", "-o", os.devnull, *variables, "-f", str(SCHEMA))
    with server.connect(name) as con:
        con.execute(f"CREATE VIEW {VIEW} AS {SELECT}")
        # So that whoever reads first does not pay for what PostgreSQL notes on a row that is read for the first time.
        con.execute("CHECKPOINT")
        con.execute("VACUUM (FREEZE, ANALYZE)")
    return url


@contextmanager
def indexed(server: PostgresServer, rows: int) -> Iterator[None]:
    """With an index on what the mapping takes for the change instant, as the page on mapping recommends."""
    with server.connect(f"racine_{rows}") as con:
        con.execute("CREATE INDEX changed ON racine_activities (greatest(created_at, started_at, completed_at))")
        con.execute("ANALYZE racine_activities")
        try:
            yield
        finally:
            con.execute("DROP INDEX changed")


def copy_to_nowhere(url: str) -> Figure:
    """The least that it takes to get the rows out: the mapping's SELECT in PostgreSQL's own binary format, thrown away."""
    started = time.perf_counter()
    process = _start_psql(url, "-c", f"COPY ({SELECT}) TO STDOUT (FORMAT binary)")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"COPY failed with exit code {process.returncode}")
    return Figure(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def fingerprint(server: PostgresServer, rows: int) -> tuple[Any, ...] | None:
    with server.connect(f"racine_{rows}") as con:
        return con.execute(f"{FINGERPRINT} FROM {VIEW}").fetchone()


def _psql(url: str, *arguments: str) -> None:
    process = _start_psql(url, *arguments)
    if process.wait():
        raise RuntimeError(f"psql failed with exit code {process.returncode}")


def _start_psql(url: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(BINARIES / "psql"), url, "-X", "-q", *arguments], stdout=subprocess.DEVNULL)
