"""PostgreSQL behind a real PgBouncer in transaction mode: each transaction may have another server, and a server is anybody's."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from storage.frames import fetch
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.progress import read_progress
from tests.homes import migrated_home
from tests.postgresql import SYSTEM_USER, PostgresServer

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = 20_000
USERS = """
SELECT
    id AS user_id, 'analyst' AS role, NULL AS team, true AS is_active, NULL AS preferences,
    NULL::timestamptz AS created_at, updated_at
FROM people
"""
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
unix_socket_dir =
"""


def answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooled(postgres: PostgresServer, tmp_path: Path) -> Iterator[str]:
    """The URL of a database through the pooler."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    database = postgres.create_database("pooled").rpartition("/")[2]
    file = tmp_path / "pgbouncer.ini"
    file.write_text(SETTINGS.format(server=postgres.port, port=port))
    for folder in (file, tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    user = SYSTEM_USER if os.geteuid() == 0 else None
    with subprocess.Popen(["/usr/sbin/pgbouncer", "-q", str(file)], user=user, cwd="/") as pooler:
        for _ in range(100):
            if answers(port):
                break
            time.sleep(0.1)
        yield f"postgresql://postgres@127.0.0.1:{port}/{database}"
        pooler.terminate()


def test_an_extraction_is_right_and_leaves_nothing_behind(pooled: str, tmp_path: Path) -> None:
    mapping, home = tmp_path / "mine", migrated_home(tmp_path / "home")
    mapping.mkdir()
    (mapping / "users.sql").write_text(USERS)
    with closing(psycopg.connect(pooled, autocommit=True)) as con:
        con.execute("CREATE TABLE people (id text, updated_at timestamptz)")
        con.execute(
            f"INSERT INTO people SELECT 'u' || n, timestamptz '{NOON}' + n * interval '1 s' FROM generate_series(1, {ROWS}) AS n"
        )
    source = Source("mine", Address("postgresql", pooled), str(mapping), statement_timeout_seconds=77.0)

    def take(minute: int) -> Extraction:
        standing = read_progress.fn(str(home.root), limits=LIMITS, source="mine")
        at = NOON + timedelta(days=1, minutes=minute)
        done = extract_datasets.fn(
            str(home.root), source=source, so_far=standing, overlap_seconds=0.0, extracted_at=at, report=lambda _: None
        )
        with warehouse(home, LIMITS) as con:
            load_landing(con, home)
        return done

    with closing(psycopg.connect(pooled)) as other:
        other.execute("INSERT INTO people VALUES ('open', now())")  # holds one of two servers in a transaction
        assert take(0).failures == {}
        other.commit()
    assert take(15).failures == {}
    with warehouse(home, LIMITS) as con:
        assert fetch(con, "SELECT count(*), count(DISTINCT user_id), bool_or(user_id = 'open') FROM raw.users").rows() == [
            (ROWS + 1, ROWS + 1, True)
        ]
    for _ in range(4):
        with closing(psycopg.connect(pooled, autocommit=True)) as con:
            assert con.execute("SHOW statement_timeout").fetchall() == [("0",)]
            assert con.execute("SHOW default_transaction_read_only").fetchall() == [("off",)]
