"""A new database of Prefect's is laid out as its migrations would make it."""

import sqlite3
from contextlib import closing

import pytest

from flows.serving import prefect_schema
from flows.serving.prefect_database import OWN_DATABASE, prefect_database
from flows.serving.prefect_schema import SCHEMA, lay_out, migrated_schema, schema_of
from storage.home import Home


def parts(schema: str) -> list[str]:
    """Its lines, in any order: in which order migrations write the constraints of a table is chance."""
    return sorted(line.rstrip(", ") for line in schema.splitlines())


@pytest.mark.slow
def test_the_file_is_what_the_migrations_make() -> None:
    assert parts(migrated_schema()) == parts(SCHEMA.read_text()), "run `python -m flows.serving.prefect_schema`"


def test_a_new_database_is_as_the_file_says(home: Home) -> None:
    lay_out(home, {})
    assert SCHEMA.read_text().endswith(schema_of(prefect_database(home)))
    assert [path.name for path in home.prefect.iterdir()] == ["prefect.db"]


def test_one_that_is_there_stays(home: Home) -> None:
    home.prefect.mkdir(parents=True)
    prefect_database(home).write_bytes(b"")
    lay_out(home, {})
    assert prefect_database(home).read_bytes() == b""


def test_what_a_killed_start_left_is_begun_anew(home: Home) -> None:
    home.prefect.mkdir(parents=True)
    with closing(sqlite3.connect(home.prefect / "prefect.db.begun")) as con:
        con.execute("CREATE TABLE flow (id)")
    lay_out(home, {})
    assert SCHEMA.read_text().endswith(schema_of(prefect_database(home)))


@pytest.mark.parametrize("name", OWN_DATABASE)
def test_where_the_database_is_elsewhere_none_is_made(home: Home, name: str) -> None:
    lay_out(home, {name: "postgresql+asyncpg://prefect@db/prefect"})
    assert not prefect_database(home).exists()


def test_another_prefect_makes_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_schema, "version", lambda _: "3.9.0")
    lay_out(home, {})
    assert not prefect_database(home).exists()
