"""Reading SQLite: hand-made databases through a mapping of the test's own, where everything that a source can do wrong is done."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from storage.errors import GovpulseError
from tasks.sources.address import Address
from tasks.sources.database import sqlite_reading
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Span
from tasks.sources.database.sqlite import open_sqlite
from tasks.sources.mapping import Mapping

COLUMNS = ("user_id", "role", "team", "is_active", "preferences", "created_at", "updated_at")
SELECT = "SELECT id AS user_id, role, team, is_active, '{}' AS preferences, created_at, updated_at FROM people"
Read = Callable[..., pl.DataFrame]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A database of people without column types: SQLite keeps what it is given."""
    path = tmp_path / "platform.sqlite"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("CREATE TABLE people (id, role, team, is_active, created_at, updated_at)")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "users.sql").write_text(SELECT)
    return folder


@pytest.fixture
def read(source: Path, folder: Path) -> Read:
    def read_users(
        since: datetime | None = None, open_keys: tuple[str, ...] = (), zone: str = "UTC", url: str | None = None
    ) -> pl.DataFrame:
        (folder / "mapping.toml").write_text('[timezones]\nusers = "server"\n')
        with open_session(Source("mine", Address("sqlite", url or str(source)), str(folder), zone)) as session:
            session.check("users")
            tables = [*session.read_keys("users", open_keys), *session.read_changed("users", Span(since))]
        frames = [pl.DataFrame(pl.from_arrow(table)) for table in tables]
        return (
            pl.concat(frames, how="diagonal").unique(maintain_order=True)
            if frames
            else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
        )

    return read_users


def insert(path: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows of (id, role, team, is_active, created_at, updated_at)."""
    with closing(sqlite3.connect(path)) as con, con:
        con.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", rows)


def person(key: Any, updated_at: Any, role: Any = "analyst") -> tuple[Any, ...]:
    return (key, role, None, 1, "2026-01-01 00:00:00", updated_at)


def test_every_value_comes_as_text_with_instants_in_utc(source: Path, read: Read) -> None:
    insert(source, [("u1", "admin", None, 1, "2026-07-01 12:00:00", "2026-07-02T12:00:00.5")])
    frame = read(zone="Europe/Berlin")
    assert frame.columns == list(COLUMNS)
    assert set(frame.dtypes) == {pl.String}
    instants = ("2026-07-01T10:00:00.000000+00:00", "2026-07-02T10:00:00.500000+00:00")
    assert frame.row(0) == ("u1", "admin", None, "1", "{}", *instants)


def test_an_empty_table_yields_nothing(read: Read) -> None:
    assert read().is_empty()


def test_a_column_may_change_its_type_from_row_to_row(source: Path, read: Read) -> None:
    insert(source, [person(n, "2026-01-02 00:00:00", role) for n, role in enumerate([None, 7, 2.5, "x", None, b"blob"])])
    frame = read()
    assert frame["role"].to_list() == [None, "7", "2.5", "x", None, "blob"]
    assert frame["user_id"].to_list() == ["0", "1", "2", "3", "4", "5"]


def test_a_number_that_is_whole_is_a_whole_number_and_a_text_what_it_is(source: Path, read: Read) -> None:
    """A column of type REAL makes 7 a 7.0."""
    numbers = [7.0, 8, 2.5, "9.0", -3.0, 2.0**60, 9007199254740993]
    insert(source, [person(number, "2026-01-02 00:00:00", number) for number in numbers])
    said = ["7", "8", "2.5", "9.0", "-3", "1.15292150460685e+18", "9007199254740993"]
    frame = read()
    for column in ("user_id", "role"):
        found = frame[column].to_list()
        assert [*found[:5], found[6]] == [*said[:5], said[6]]
        assert float(found[5]) == pytest.approx(2.0**60)
    assert read(datetime(2026, 2, 1, tzinfo=UTC), ("7", "-3", "9.0"))["user_id"].sort().to_list() == ["-3", "7", "9.0"]


def test_leading_nulls_do_not_fix_a_columns_type(source: Path, read: Read, monkeypatch) -> None:
    """Over several of the driver's batches, too."""
    monkeypatch.setattr(sqlite_reading, "BATCH_ROWS", 4)
    monkeypatch.setattr(sqlite_reading, "SENT_ROWS", 4)
    roles = [None] * 9 + ["late", 3]
    insert(source, [person(f"u{n:02d}", "2026-01-02 00:00:00", role) for n, role in enumerate(roles)])
    frame = read().sort("user_id")
    assert frame["role"].to_list() == [None] * 9 + ["late", "3"]
    assert frame.height == 11


SINCE = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("updated_at", "is_read"),
    [
        ("2026-01-10 11:58:59", False),
        ("2026-01-09T23:00:00", False),
        ("2026-01-10 12:00:00", True),
        ("2026-01-10 12:00", True),
        ("2026-01-10T12:00:00.000001", True),
        ("2026-01-11", True),
        (None, True),
        ("", True),
        ("soon", True),
        (1767225600, True),
        ("2026-01-10 07:30:00-05:00", True),
        ("2026-01-10T12:30:00Z", True),
    ],
    ids=[
        "older",
        "older with T",
        "at since",
        "at since in minutes",
        "newer",
        "a later date",
        "null",
        "empty",
        "no instant",
        "number",
        "offset",
        "Z",
    ],
)
def test_since_leaves_out_only_what_is_surely_older(source: Path, read: Read, updated_at: Any, is_read: bool) -> None:
    insert(source, [person("u1", updated_at)])
    assert read(SINCE).height == is_read
    assert read().height == 1, "without since everything is read"


def test_open_keys_are_read_whatever_their_instant(source: Path, read: Read) -> None:
    old = "2025-01-01 00:00:00"
    insert(source, [person("u1", old), person('it\'s "2"', old), person(3, old), person("u4", old)])
    assert read(SINCE, ('it\'s "2"', "3")).sort("user_id")["user_id"].to_list() == ["3", 'it\'s "2"']


@pytest.mark.parametrize(
    ("since", "changed_at"),
    [
        (datetime(2026, 3, 29, 0, 50, tzinfo=UTC), "2026-03-29 01:55:00"),
        (datetime(2026, 3, 29, 0, 50, tzinfo=UTC), "2026-03-29 03:05:00"),
        (datetime(2026, 10, 25, 0, 50, tzinfo=UTC), "2026-10-25 02:55:00"),
        (datetime(2026, 10, 25, 0, 50, tzinfo=UTC), "2026-10-25 02:05:00"),
        (datetime(2026, 10, 25, 1, 50, tzinfo=UTC), "2026-10-25 02:55:00"),
    ],
    ids=["before spring", "after spring", "first 2:55", "second 2:05", "second 2:55"],
)
def test_no_change_is_lost_when_the_clock_is_put(source: Path, read: Read, since: datetime, changed_at: str) -> None:
    """`since` in UTC, the change after it in Berlin's local time; in autumn an hour occurs twice."""
    insert(source, [person("u1", changed_at)])
    assert read(since, zone="Europe/Berlin").height == 1


@pytest.mark.parametrize("name", ["my data.sqlite", "100% #1?.sqlite", "größe.sqlite"])
def test_any_file_name_will_do(source: Path, read: Read, name: str) -> None:
    insert(source, [person("u1", "2026-01-02 00:00:00")])
    moved = source.rename(source.with_name(name))
    assert read(url=str(moved)).height == 1
    assert read(url=f"sqlite:///{moved}").height == 1


def test_the_source_is_not_written(source: Path, read: Read, folder: Path) -> None:
    insert(source, [person("u1", "2026-01-02 00:00:00")])
    before = source.read_bytes()
    read()
    assert source.read_bytes() == before
    assert {path.name for path in source.parent.glob("platform*")} == {"platform.sqlite"}


def error_of(read: Read, **options: Any) -> str:
    with pytest.raises(GovpulseError) as caught:
        read(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_named_and_not_made(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sqlite"
    assert error_of(read, url=str(path)) == f"the source database {path} does not exist; set [source] url"
    assert not path.exists()


def test_a_folder_is_no_database(read: Read, tmp_path: Path) -> None:
    assert str(tmp_path) in error_of(read, url=str(tmp_path))


def test_a_file_that_is_no_database_is_named(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, whatever its name " * 50)
    said = error_of(read, url=str(path))
    assert "not a database" in said
    assert str(path) in said


def test_a_mapping_that_lacks_columns_is_named_with_them(folder: Path, read: Read) -> None:
    (folder / "users.sql").write_text("SELECT id AS user_id, role, is_active, '{}' AS preferences, updated_at FROM people")
    said = error_of(read)
    assert "mine/users.sql" in said
    assert "team, created_at" in said


def test_a_mapping_for_another_schema_is_named(folder: Path, read: Read) -> None:
    (folder / "users.sql").write_text("SELECT * FROM employees")
    said = error_of(read)
    assert "mine/users.sql does not fit this database" in said
    assert "employees" in said


def test_a_mapping_that_is_no_sql_is_named(folder: Path, read: Read) -> None:
    (folder / "users.sql").write_text("SELEKT")
    assert "mine/users.sql" in error_of(read)


def test_a_mapping_cannot_write(folder: Path, source: Path, read: Read) -> None:
    insert(source, [person("u1", "2026-01-02 00:00:00")])
    (folder / "users.sql").write_text("DELETE FROM people")
    assert "mine/users.sql" in error_of(read)
    (folder / "users.sql").write_text(SELECT)
    assert read().height == 1


def test_a_mapping_may_yield_more_than_the_contract_asks(folder: Path, source: Path, read: Read) -> None:
    insert(source, [person("u1", "2026-01-02 00:00:00")])
    (folder / "users.sql").write_text(SELECT.replace(" FROM", ", 'x' AS extra FROM") + "  -- the end")
    assert read().columns == list(COLUMNS)


LOCKER = """
import sqlite3, sys, time
con = sqlite3.connect(sys.argv[1], isolation_level=None)
con.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
con.execute("COMMIT")
"""


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """By another process, for within one SQLite's locks do not hold."""
    with subprocess.Popen([sys.executable, "-c", LOCKER, str(path), str(seconds)], stdout=-1, text=True) as locker:
        assert locker.stdout is not None
        assert locker.stdout.readline() == "locked\n"
        yield


def test_who_writes_is_waited_for(tmp_path: Path) -> None:
    path, mapping = tmp_path / "theirs.db", Mapping("none", {}, {})
    with closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE job (id)")
    with locked(path, 1.5), open_sqlite(Address("sqlite", str(path)), mapping, lock_timeout_seconds=30):
        pass
    with (
        locked(path, 3),
        pytest.raises(GovpulseError, match=r"theirs\.db: .*database is locked"),
        open_sqlite(Address("sqlite", str(path)), mapping, lock_timeout_seconds=0.2),
    ):
        pass
