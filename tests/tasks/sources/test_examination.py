"""What `govpulse doctor` says of a mapping: held against a real PostgreSQL and against SQLite."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from tasks.sources.address import Address
from tasks.sources.database import postgresql_reading as reader
from tasks.sources.database.opening import Source, open_session
from tasks.sources.examination import Examination, examine, find_refused
from tests.postgresql import PostgresServer

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
PEOPLE = "CREATE TABLE people (id int, role text, team text, is_active {}, preferences text, created_at {}, updated_at {})"
USERS = "SELECT id AS user_id, role, team, is_active, preferences, created_at, updated_at FROM people"


class Platform:
    """A database of people and a mapping of them to users."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.folder.mkdir()
        self.map(USERS)

    def map(self, select: str) -> None:
        (self.folder / "users.sql").write_text(select)

    def change(self, sql: str, *values: Any) -> None:
        if self.address.kind == "sqlite":
            with closing(sqlite3.connect(self.address.path)) as con, con:
                con.execute(sql, values)
        else:
            with closing(psycopg.connect(self.address.url, autocommit=True)) as con:
                con.execute(sql.replace("?", "%s"), values)

    def create(self, is_active: str = "boolean", created_at: str = "timestamptz", updated_at: str = "timestamptz") -> None:
        self.change(PEOPLE.format(is_active, created_at, updated_at))

    def add(self, *keys: int | None, role: str = "analyst", preferences: str = "{}", updated_at: str | None = "2026-07-01") -> None:
        for key in keys:
            values = (key, role, True, preferences, updated_at)
            self.change("INSERT INTO people (id, role, is_active, preferences, updated_at) VALUES (?, ?, ?, ?, ?)", *values)

    def examine(self, zone: str = "UTC") -> Examination:
        (self.folder / "mapping.toml").write_text('[timezones]\nusers = "server"\n')
        source = Source("mine", self.address, str(self.folder), zone)
        with open_session(source) as session:
            return examine(session, source.load_mapping(), "users", NOW)


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("examined")


@pytest.fixture
def postgresql(url: str, tmp_path: Path) -> Platform:
    platform = Platform(Address("postgresql", url), tmp_path / "mine")
    platform.change("DROP SCHEMA public CASCADE")
    platform.change("CREATE SCHEMA public")
    return platform


@pytest.fixture
def sqlite(tmp_path: Path) -> Platform:
    (tmp_path / "platform.sqlite").touch()
    return Platform(Address("sqlite", str(tmp_path / "platform.sqlite")), tmp_path / "mine")


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return request.getfixturevalue(request.param)


def test_a_sound_mapping_has_no_problem_and_shows_what_it_makes(platform: Platform) -> None:
    platform.create()
    platform.add(7)
    found = platform.examine()
    assert (found.dataset, found.file, found.problems, found.notices, found.looked_at) == ("users", "mine/users.sql", (), (), 1)
    (shown,) = found.rows.to_dicts()
    assert list(shown) == ["user_id", "role", "team", "is_active", "preferences", "created_at", "updated_at"]
    assert (str(shown["user_id"]), shown["role"], shown["team"], shown["preferences"]) == ("7", "analyst", None, "{}")
    assert str(shown["updated_at"]).startswith("2026-07-01")


def test_an_empty_table_is_no_problem(platform: Platform) -> None:
    platform.create()
    found = platform.examine()
    assert (found.problems, found.notices, found.looked_at, found.rows.height) == ((), (), 0, 0)


def test_every_missing_column_is_named(platform: Platform) -> None:
    platform.create()
    platform.add(7)
    platform.map("SELECT id AS user_id, role, preferences, updated_at FROM people")
    found = platform.examine()
    assert found.problems == ("mapping mine/users.sql does not yield team, is_active, created_at",)
    assert (found.looked_at, found.rows.height) == (0, 0)


def test_a_column_that_is_there_twice_is_named(platform: Platform) -> None:
    platform.create()
    platform.map("SELECT people.*, id AS user_id, created_at AS updated_at, 'x' AS role FROM people")
    assert platform.examine().problems == ("mapping mine/users.sql yields role, updated_at more than once",)


def test_a_table_that_is_not_there_is_named(platform: Platform) -> None:
    (said,) = platform.examine().problems
    assert said.startswith("mapping mine/users.sql does not fit ")
    assert "people" in said
    assert "\n" not in said


def test_every_mistyped_column_is_named_with_both_types(postgresql: Platform) -> None:
    postgresql.create(is_active="bytea", created_at="interval")
    postgresql.map(USERS.replace("preferences,", "ARRAY[preferences] AS preferences,"))
    assert postgresql.examine().problems == (
        "is_active is of type bytea, which cannot become BOOLEAN",
        "preferences is of type _text, which cannot become JSON",
        "created_at is of type interval, which cannot become TIMESTAMPTZ",
    )


@pytest.mark.parametrize(("kind", "name"), [("text", "text"), ("int", "int4"), ("interval", "interval"), ("boolean", "bool")])
def test_a_change_instant_must_be_a_timestamp(postgresql: Platform, kind: str, name: str) -> None:
    postgresql.create(updated_at=kind)
    assert postgresql.examine().problems == (
        f"mapping mine/users.sql: updated_at is of type {name}; make it a timestamp, so that changes can be found",
    )


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date", "text", "varchar(40)"])
def test_types_that_the_contract_can_take_are_no_problem(postgresql: Platform, kind: str) -> None:
    postgresql.create(is_active="smallint", created_at=kind)
    postgresql.change("INSERT INTO people VALUES (1, 'admin', 'a', 1, '{}', '2026-07-01', '2026-07-01')")
    found = postgresql.examine()
    assert (found.problems, found.notices, found.looked_at) == ((), (), 1)


def test_values_in_sqlite_are_held_against_the_contract_one_by_one(sqlite: Platform) -> None:
    sqlite.create()
    sqlite.change("INSERT INTO people VALUES (1, 'admin', NULL, 'perhaps', 'none', '2026-07-01', '2026-07-01')")
    sqlite.change("INSERT INTO people VALUES (2, CAST(X'ff' AS TEXT), NULL, 1, '{}', 'soon', '2026-07-01')")
    found = sqlite.examine()
    assert found.problems == (
        "1 of 2 rows: is_active is not a boolean: perhaps (first 1)",
        "1 of 2 rows: preferences is not valid JSON: none (first 1)",
        "1 of 2 rows: role is not valid UTF-8 (first 2)",
    )


def test_what_would_be_refused_is_counted_with_the_first_key(platform: Platform) -> None:
    """What refuses many rows is the mapping's fault, what refuses a few is theirs."""
    platform.create()
    platform.add(*range(10, 20))
    platform.add(40, 30, 50, updated_at=None)
    platform.add(60, preferences="none")
    platform.add(None)
    found = platform.examine()
    assert found.problems == ("3 of 15 rows: updated_at is missing (first 30)",)
    assert found.notices == (
        "1 of 15 rows: preferences is not valid JSON: none (first 60)",
        "1 of 15 rows: user_id is missing (first ?)",
    )
    assert found.looked_at == 15


def test_three_mapped_rows_are_shown_at_most(platform: Platform) -> None:
    platform.create()
    platform.add(1, 2, 3, 4, 5)
    found = platform.examine()
    assert found.rows.height == 3
    assert found.looked_at == 5


@pytest.mark.parametrize(("rows", "looked_at"), [(999, 999), (1_000, 1_000), (5_000, 1_000)])
def test_a_thousand_rows_are_looked_at_at_most(platform: Platform, rows: int, looked_at: int) -> None:
    platform.create()
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    platform.change(f"INSERT INTO people (id, updated_at) {numbers} SELECT i, '2026-07-01' FROM n")
    found = platform.examine()
    assert (found.looked_at, found.problems) == (looked_at, ())


def test_rows_that_came_in_several_batches_of_different_types_are_looked_at_together(
    postgresql: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local time that does not exist makes a text of its batch's instants."""
    monkeypatch.setattr(reader, "BATCH_BYTES", 100)
    monkeypatch.setattr(reader, "SENT_BYTES", 100)
    postgresql.create(updated_at="timestamp")
    for number in range(20):
        postgresql.add(number, updated_at="2026-03-29 02:30" if number == 10 else "2026-03-29 03:30")
    found = postgresql.examine("Europe/Berlin")
    reason = "updated_at is not a timestamp: 2026-03-29 02:30:00.000000 does not exist in Europe/Berlin"
    assert (found.problems, found.notices) == ((), (f"1 of 20 rows: {reason} (first 10)",))


def test_values_of_one_kind_are_one_line_and_a_column_of_which_nothing_is_left_is_a_problem(sqlite: Platform) -> None:
    sqlite.create()
    for number in range(30):
        made = f"'{1_780_000_000_000 + number}'" if number in (3, 4) else "NULL"
        odd = "'none'" if number == 5 else "'{}'"
        sqlite.change(f"INSERT INTO people VALUES ({number}, 'admin', NULL, 1, {odd}, {made}, '2026-07-01')")
    found = sqlite.examine()
    hint = "looks like milliseconds since 1970: make it a timestamp in the mapping, `to_timestamp(x / 1000.0)`"
    assert found.problems == (f"2 of 30 rows: created_at is not a timestamp: 1780000000003 {hint} (first 3)",)
    assert found.notices == ("1 of 30 rows: preferences is not valid JSON: none (first 5)",)


def test_words_that_nobody_knows_are_named_once_with_what_to_add() -> None:
    statuses = ["done", "succeeded", "exploded", "done", None]
    rows = pl.DataFrame(
        {
            "scan_id": [f"s{place}" for place in range(5)],
            "data_source": "crm",
            "scan_type": "full",
            "status": statuses,
            "updated_at": "2026-07-01",
        }
    )
    (words, count, said), (missing, *_) = find_refused("scans", rows, datetime(2026, 7, 2, tzinfo=UTC))
    assert (count, said) == (3, 4)
    assert words == (
        "3 of 5 rows: status is not one of queued | running | succeeded | failed | canceled: done, exploded;"
        " add what each means to the SELECT, such as WHEN 'done' THEN 'canceled' (first s0)"
    )
    assert missing == "1 of 5 rows: status is missing (first s4)"
