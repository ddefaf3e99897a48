"""The sample in PostgreSQL: the same rows as in SQLite, and no database of somebody else's is touched."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import GovpulseError
from tasks.sources.address import Address
from tasks.sources.sample.database import write_sample
from tasks.sources.sample.postgresql import write_sample_to
from tests.postgresql import PostgresServer

WORLD = {"until": datetime(2026, 3, 1, tzinfo=UTC), "seed": 3, "days": 14, "scale": 0.05}
TYPES = """
SELECT table_name || '.' || column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND data_type <> 'text' AND table_name IN ('racine_activities', 'users')
"""


def test_holds_what_the_sample_in_sqlite_holds_in_native_types(postgres: PostgresServer, tmp_path: Path) -> None:
    result = write_sample_to(Address("postgresql", postgres.create_database("sampled")), **WORLD)
    expected = write_sample(tmp_path / "sample.sqlite", **WORLD)
    assert result.rows == expected.rows
    keys = "SELECT id, activity_name, status, execution_time_ms, user_id FROM racine_activities ORDER BY id"
    with closing(sqlite3.connect(tmp_path / "sample.sqlite")) as there, postgres.connect("sampled") as here:
        assert here.execute(keys.replace("BY id", 'BY id COLLATE "C"')).fetchall() == there.execute(keys).fetchall()
        types = dict(here.execute(TYPES).fetchall())
    assert types["racine_activities.activity_data"] == "jsonb"
    assert types["racine_activities.started_at"] == "timestamp without time zone"
    assert types["users.is_active"] == "boolean"


def test_is_replaced_by_another_sample(postgres: PostgresServer) -> None:
    address = Address("postgresql", postgres.create_database("sampled_twice"))
    first = write_sample_to(address, **WORLD)
    assert write_sample_to(address, **WORLD).rows == first.rows


def test_a_database_with_tables_of_those_names_is_left_alone(postgres: PostgresServer) -> None:
    address = Address("postgresql", postgres.create_database("in_use"))
    with postgres.connect("in_use") as con:
        con.execute("CREATE TABLE users (id int)")
        con.execute("INSERT INTO users VALUES (1)")
        with pytest.raises(GovpulseError, match="the database has a table users that is not part of a sample"):
            write_sample_to(address, **WORLD)
        assert con.execute("SELECT count(*) FROM users").fetchone() == (1,)
