"""A rule by hand, a warehouse in memory, and the instants of a test as minutes from its beginning."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from storage.migrations import migrate
from storage.warehouse import connect

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    return lambda minutes: BEGINNING + timedelta(minutes=minutes)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect()
    migrate(connection, BEGINNING)
    yield connection
    connection.close()
