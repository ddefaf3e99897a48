"""A rule by hand, a warehouse, and the instants of a test as minutes from its beginning."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.homes import migrated_connection

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    return lambda minutes: BEGINNING + timedelta(minutes=minutes)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with migrated_connection(tmp_path) as connection:
        yield connection
