"""A row that the database itself cannot read, from the source's table to the warehouse: it is refused, and the others come in."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from storage.frames import fetch
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database import isolation, postgresql_reading, sqlite_reading
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Span
from tasks.sources.examination import examine
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.mapping import Mapping
from tasks.sources.progress import read_progress
from tasks.sources.reconciliation import Reconciliation, reconcile_datasets
from tests.homes import migrated_home
from tests.postgresql import PostgresServer

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
READS = {"postgresql": "CAST(doc AS jsonb) ->> 'role'", "sqlite": "json_extract(doc, '$.role')"}
MESSAGE = {"postgresql": "invalid input syntax for type json", "sqlite": "malformed JSON"}
GOOD, BAD = '{"role": "analyst"}', '{"role": '
KNOWN = "SELECT user_id FROM raw.users ORDER BY 1"
REFUSED = "SELECT key, reason FROM ops.rejected_rows ORDER BY 1"


class Platform:
    """People with a document each, in a database of one kind, a mapping that looks into it, and a home."""

    def __init__(self, folder: Path, kind: str, url: str) -> None:
        self.kind, self.address, self.folder, self.home = kind, Address(kind, url), folder / "mine", migrated_home(folder / "data")
        self.source = Source("mine", self.address, str(self.folder))
        self.folder.mkdir()
        self.map(READS[kind])
        self.change("CREATE TABLE people (id text, doc text, updated_at timestamptz)")
        self.reason = f"the database cannot read this row: {MESSAGE[kind]}"

    def map(self, role: str, key: str = "id", rest: str = "", updated_at: str = "updated_at") -> None:
        select = (
            f"SELECT {key} AS user_id, {role} AS role, NULL AS team, NULL AS is_active, NULL AS preferences, NULL AS created_at"
        )
        (self.folder / "users.sql").write_text(f"{select}, {updated_at} AS updated_at FROM people {rest}")

    def change(self, sql: str, *values: Any) -> None:
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.address.path)) as con, con:
                con.execute(sql, values)
        else:
            with closing(psycopg.connect(self.address.url, autocommit=True)) as con:
                con.execute(sql.replace("?", "%s"), values)

    def add(self, *documents: str, first: int = 0, since: datetime = NOON) -> None:
        """One person each: u000, u001 and so on, a minute apart."""
        rows = [
            (f"u{first + place:03}", text, f"{since + timedelta(minutes=place):%Y-%m-%d %H:%M:%S}")
            for place, text in enumerate(documents)
        ]
        for row in rows:
            self.change("INSERT INTO people VALUES (?, ?, ?)", *row)

    def take(self) -> Extraction:
        root = str(self.home.root)
        extraction = extract_datasets.fn(
            root,
            source=self.source,
            so_far=read_progress.fn(root, limits=LIMITS, source="mine"),
            overlap_seconds=0.0,
            extracted_at=datetime.now(UTC),
            report=lambda pace: None,
        )
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)
        return extraction

    def reconcile(self) -> Reconciliation:
        root = str(self.home.root)
        standing = read_progress.fn(root, limits=LIMITS, source="mine", most_open=1_000)
        found = reconcile_datasets.fn(
            root, limits=LIMITS, source=self.source, so_far=standing, most_deleted_ratio=0.5, listed_at=datetime.now(UTC)
        )
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)
        return found

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()

    def known(self) -> list[str]:
        return [key for (key,) in self.rows(KNOWN)]

    def mapping(self) -> Mapping:
        return self.source.load_mapping()


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("unreadable_rows")


@pytest.fixture
def postgresql(url: str, tmp_path: Path) -> Platform:
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return Platform(tmp_path, "postgresql", url)


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Platform:
    if request.param == "sqlite":
        return Platform(tmp_path, "sqlite", str(tmp_path / "platform.sqlite"))
    return request.getfixturevalue("postgresql")


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows are many batches."""
    monkeypatch.setattr(postgresql_reading, "SENT_BYTES", 400)
    monkeypatch.setattr(sqlite_reading, "SENT_ROWS", 7)
    monkeypatch.setattr(isolation, "NEAR_ROWS", 20)


def test_a_document_that_is_none_costs_its_row_until_it_is_mended(platform: Platform) -> None:
    platform.add(GOOD, BAD, GOOD)
    for _ in range(3):
        assert platform.take().failures == {}
        assert platform.known() == ["u000", "u002"]
        assert platform.rows(REFUSED) == [("u001", platform.reason)]
    platform.change("UPDATE people SET doc = ? WHERE id = 'u001'", GOOD)
    platform.take()
    assert platform.known() == ["u000", "u001", "u002"]
    assert platform.rows(REFUSED) == []


def test_it_is_read_again_when_the_mapping_was_mended(platform: Platform) -> None:
    platform.add(GOOD, BAD)
    platform.take()
    platform.map("doc")
    platform.take()
    assert platform.rows(KNOWN + " DESC") == [("u001",), ("u000",)]
    assert platform.rows(REFUSED) == []


def test_a_row_that_changes_into_one_that_cannot_be_read_keeps_what_was_read_before(platform: Platform) -> None:
    platform.add(GOOD, GOOD)
    platform.take()
    platform.change("UPDATE people SET doc = ?, updated_at = '2026-07-02 12:00:00' WHERE id = 'u000'", BAD)
    platform.add(GOOD, first=2, since=NOON + timedelta(days=1))
    assert platform.take().failures == {}
    assert platform.known() == ["u000", "u001", "u002"]
    assert platform.rows(REFUSED) == [("u000", platform.reason)]


def test_the_watermark_passes_a_row_that_cannot_be_read(platform: Platform) -> None:
    platform.add(GOOD, GOOD, BAD)
    platform.take()
    platform.take()
    assert platform.rows("SELECT watermark FROM ops.watermarks") == [(NOON + timedelta(minutes=2),)]


def test_reconciling_goes_on(platform: Platform) -> None:
    platform.add(GOOD, BAD, GOOD)
    platform.take()
    platform.change("INSERT INTO people VALUES ('late', ?, '2026-01-01 12:00:00'), ('later', ?, '2026-01-01 12:00:00')", GOOD, BAD)
    found = platform.reconcile()
    assert (found.failures, [drift.missing for drift in found.drifts]) == ({}, [2])
    assert platform.known() == ["late", "u000", "u002"]
    assert platform.rows(REFUSED) == [("later", platform.reason), ("u001", platform.reason)]


WAYS = {
    "a slice": lambda session: session.read_changed("users", Span(None, NOON + timedelta(days=1))),
    "the last slice": lambda session: session.read_changed("users", Span()),
    "changes": lambda session: session.read_changed("users", Span(NOON - timedelta(days=1))),
    "keys": lambda session: session.read_keys("users", [f"u{number:03}" for number in range(300)]),
    "everything": lambda session: session.read_all("users"),
    "a look": lambda session: session.peek("users", 100),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_whichever_way_rows_are_read_those_that_can_be_come_once(platform: Platform, small_pieces: None, way: Any) -> None:
    bad = {0, 30, 31, 32, 77, 99}
    platform.add(*(BAD if number in bad else GOOD for number in range(100)))
    with open_session(platform.source) as session:
        session.check("users")
        came, refused = sorted_out(way(session))
        assert sorted(refused) == [f"u{number:03}" for number in sorted(bad)]
        assert sorted(came) == [f"u{number:03}" for number in range(100) if number not in bad]
        assert sum(day.rows for day in session.count_days("users", None)) == 100
        assert sum(table.num_rows for table in session.list_rows("users")) == 100


def sorted_out(tables: Iterator[pa.Table]) -> tuple[list[str], list[str]]:
    rows = [row for table in tables for row in table.to_pylist()]
    return [row["user_id"] for row in rows if not row.get("unreadable")], [row["user_id"] for row in rows if row.get("unreadable")]


def test_rows_without_an_instant_and_in_no_order_are_found_too(platform: Platform, small_pieces: None) -> None:
    for number in range(60):
        stamp = None if number % 7 == 0 else f"2026-07-01 {number * 17 % 24:02}:00:00"
        platform.change("INSERT INTO people VALUES (?, ?, ?)", f"u{number:03}", BAD if number in (14, 40) else GOOD, stamp)
    with open_session(platform.source) as session:
        session.check("users")
        came, refused = sorted_out(session.read_changed("users", Span()))
    assert sorted(refused) == ["u014", "u040"]
    assert set(came) == {f"u{number:03}" for number in range(60)} - set(refused)


def test_too_many_fail_the_dataset_and_it_says_what_to_do(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "MOST_REFUSED", 3)
    platform.add(GOOD, *[BAD] * 3)
    assert platform.take().failures == {}
    platform.add(*[BAD] * 4, first=4, since=NOON + timedelta(days=1))
    said = platform.take().failures["users"]
    assert "; more than 3 rows cannot be read, the first of them u003: change the SELECT so that it yields NULL" in said
    assert platform.known() == ["u000"]


def test_refused_rows_are_looked_up_again_however_many_they_are(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that lie within the overlap count again."""
    monkeypatch.setattr(isolation, "MOST_REFUSED", 4)
    for day in range(3):
        platform.add(*[BAD] * 3, first=3 * day, since=NOON + timedelta(days=day))
        assert platform.take().failures == {}
    assert [key for key, _ in platform.rows(REFUSED)] == [f"u{number:03}" for number in range(9)]


@pytest.mark.parametrize("column", ["key", "updated_at"])
def test_a_key_or_a_change_that_cannot_be_read_fails_the_dataset_and_is_named(platform: Platform, column: str) -> None:
    platform.add(GOOD, BAD)
    read = READS[platform.kind]
    if column == "updated_at" and platform.kind == "postgresql":
        read = f"updated_at + length({read}) * interval '1 second'"
    platform.map("NULL", **{column: read})
    said = platform.take().failures["users"]
    because = "because its key or updated_at, or what the SELECT chooses its rows by, cannot be read"
    assert said.endswith(f"{MESSAGE[platform.kind]}; govpulse cannot reject just the bad row, {because}")
    assert platform.rows(REFUSED) == []


NONE = "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
WORKED_OUT = {
    "a limit": (
        "LIMIT 1000",
        "{}; govpulse cannot reject just the bad row, because the SELECT is worked out for all rows before one can be chosen",
    ),
    "a union": (
        f"UNION SELECT {NONE} WHERE false",
        "{}; govpulse cannot reject just the bad row, because its key or updated_at, or what",
    ),
}


@pytest.mark.parametrize(("rest", "said"), WORKED_OUT.values(), ids=WORKED_OUT)
def test_a_select_that_is_worked_out_before_its_rows_are_chosen_fails_the_dataset(platform: Platform, rest: str, said: str) -> None:
    platform.add(GOOD, BAD, GOOD)
    platform.map(READS[platform.kind], rest=rest)
    assert f"through mapping mine/users.sql: {said.format(MESSAGE[platform.kind])}" in platform.take().failures["users"]
    assert platform.rows(REFUSED) == []


def test_doctor_says_which_row_cannot_be_read_and_why(platform: Platform) -> None:
    platform.add(*[GOOD] * 30, BAD)
    with open_session(platform.source) as session:
        found = examine(session, platform.mapping(), "users", NOON)
    assert found.problems == ()
    assert found.notices == (f"1 of 31 rows: {platform.reason} (first u030)",)
    assert found.looked_at == 31


def test_text_that_is_none_beside_it_costs_its_own_row(tmp_path: Path, small_pieces: None) -> None:
    sqlite = Platform(tmp_path, "sqlite", str(tmp_path / "platform.sqlite"))
    sqlite.add(*(BAD if number == 33 else GOOD for number in range(50)))
    sqlite.map(f"{READS['sqlite']} || CASE WHEN id IN ('u003', 'u030', 'u034') THEN CAST(x'ff' AS TEXT) ELSE '' END")
    assert sqlite.take().failures == {}
    assert [key for key, _ in sqlite.rows(REFUSED)] == ["u003", "u030", "u033", "u034"]
    assert len(sqlite.known()) == 46


def test_a_long_message_is_cut_and_one_line(postgresql: Platform) -> None:
    postgresql.map("CAST(doc AS integer)::text")
    postgresql.add("1", "x\ty" + "z" * 5000)
    postgresql.take()
    assert postgresql.known() == ["u000"]
    said = 'the database cannot read this row: invalid input syntax for type integer: "x\\x09yzzz'
    ((_, reason),) = postgresql.rows(REFUSED)
    assert reason.startswith(said)
    assert len(reason) == 1_000 + len("the database cannot read this row: ")


FAULTS = {
    "a number": ("CAST(doc AS integer)::text", "12", "1x", 'invalid input syntax for type integer: "1x"'),
    "a division": ("(1 / length(doc))::text", "x", "", "division by zero"),
    "bytes": ("convert_from(decode(doc, 'hex'), 'UTF8')", "41", "fc", 'invalid byte sequence for encoding "UTF8": 0xfc'),
    "an instant": ("CAST(doc AS date)::text", "2026-07-01", "2026-02-30", 'date/time field value out of range: "2026-02-30"'),
    "half a character": ("doc::json ->> 'a'", '{"a": "b"}', '{"a": "\\u0000"}', "unsupported Unicode escape sequence"),
    "several rows": (
        "(SELECT word FROM unnest(string_to_array(doc, ' ')) AS word)",
        "one",
        "one two",
        "more than one row returned by a subquery used as an expression",
    ),
    "too deep": ("doc::jsonb ->> 0", "[1]", "[" * 100_000, "stack depth limit exceeded"),
}


@pytest.mark.parametrize(("role", "good", "bad", "said"), FAULTS.values(), ids=FAULTS)
def test_whatever_is_wrong_with_a_row_of_postgresql(postgresql: Platform, role: str, good: str, bad: str, said: str) -> None:
    postgresql.map(role)
    postgresql.add(good, bad, good)
    assert postgresql.take().failures == {}
    assert postgresql.known() == ["u000", "u002"]
    assert postgresql.rows(REFUSED) == [("u001", f"the database cannot read this row: {said}")]


def test_what_is_not_the_fault_of_a_row_is_not_looked_for(postgresql: Platform) -> None:
    """Rows that came before are not held against anybody; a permission that is missing is."""
    postgresql.add(GOOD, GOOD)
    postgresql.change(
        "CREATE FUNCTION refuse(doc text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE insufficient_privilege; END $$"
    )
    postgresql.map("refuse(doc)")
    assert postgresql.take().failures["users"].endswith("through mapping mine/users.sql: insufficient_privilege")
    assert postgresql.rows(REFUSED) == []
