"""A migrated warehouse, rows in the contract's shape, and real second processes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from storage.migrations import migrate
from storage.warehouse import connect
from tests.homes import migrated_connection

START = datetime(2026, 3, 1, tzinfo=UTC)
SOUND_ROWS: dict[str, dict[str, str | None]] = {
    "scans": {
        "scan_id": "s1", "name": "nightly", "data_source": "crm", "scan_type": "full", "status": "succeeded",
        "queued_at": "2026-03-01T00:00:00Z", "started_at": "2026-03-01T00:01:00Z", "finished_at": "2026-03-01T00:02:00Z",
        "assets_scanned": "10", "issues_found": "0", "updated_at": "2026-03-01T00:02:00Z",
    },
    "deployments": {
        "deployment_id": "d1", "service": "api", "version": "1.0", "environment": "production", "status": "failed",
        "started_at": "2026-03-01T00:01:00Z", "finished_at": "2026-03-01T00:02:00Z", "is_rollback": "false",
        "updated_at": "2026-03-01T00:02:00Z",
    },
    "activity": {
        "activity_id": "a1", "user_id": "u1", "item_count": "1", "domain_count": "1", "status": "succeeded",
        "duration_seconds": "0.5", "occurred_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z",
    },
    "users": {
        "user_id": "u1", "role": "admin", "is_active": "true", "preferences": '{"theme": "dark"}',
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z",
    },
    "owners": {"domain": "finance", "user_id": "u1"},
    "people": {"user_id": "u1", "person_id": "u2", "team": "data", "is_bot": "false"},
    "incidents": {
        "incident_id": "i1", "service": "api", "environment": "production", "severity": "high",
        "opened_at": "2026-03-01T00:01:00Z", "resolved_at": "2026-03-01T00:02:00Z", "deployment_id": "d1",
        "updated_at": "2026-03-01T00:02:00Z",
    },
    "links": {"kind": "service", "name": "api", "rests_on_kind": "host", "rests_on": "web-1"},
    "system_metrics": {
        "host": "h1", "metric": "system.cpu.utilization", "attributes": "", "observed_at": "2026-03-01T00:00:00Z", "unit": "1",
        "value": "0.5", "status": "ok",
    },
}  # fmt: skip


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A migrated warehouse."""
    with migrated_connection(tmp_path) as connection:
        yield connection


@pytest.fixture(scope="module")
def shared() -> Iterator[duckdb.DuckDBPyConnection]:
    """One in memory for the many examples of a property, which clear what they use."""
    connection = connect()
    migrate(connection, START)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def sound_row() -> Callable[..., dict[str, Any]]:
    """A row of a dataset, as text, that breaks no rule but those that the named changes break."""
    return lambda dataset, **changes: {**SOUND_ROWS[dataset], **changes}


@pytest.fixture(scope="session")
def samples() -> Callable[..., pl.DataFrame]:
    """`count` host samples a second apart; the value counts them."""

    def make(count: int, host: str = "h1", first: datetime = START) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "host": host,
                "metric": "system.cpu.utilization",
                "attributes": "",
                "observed_at": [first + timedelta(seconds=number) for number in range(count)],
                "unit": "1",
                "value": [float(number) for number in range(count)],
                "status": "ok",
            }
        )

    return make


@pytest.fixture(scope="session")
def python() -> Callable[..., AbstractContextManager[subprocess.Popen[str]]]:
    """Run a script in a real process with piped text; killed, if it still lives, at the end of the block."""

    @contextmanager
    def run(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    return run
