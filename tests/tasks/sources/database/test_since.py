"""`$since` in a SELECT: where it is placed, what it is, and that the platform's own index serves for it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.frames import fetch
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import slices
from tasks.sources.address import Address
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, Span
from tasks.sources.database.since import BEGINNING, earliest, place_since
from tasks.sources.examination import examine
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress
from tests.homes import migrated_home
from tests.postgresql import PostgresServer

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
START = datetime(2026, 7, 1, 10, 0, 59, 999999, tzinfo=UTC)
COLUMNS = "id AS user_id, 'analyst' AS role, NULL AS team, NULL AS is_active, NULL AS preferences, NULL AS created_at"
USERS = {
    "postgresql": f"SELECT {COLUMNS}, to_timestamp(changed / 1000.0) AS updated_at FROM people"
    " WHERE changed >= (1000 * extract(epoch FROM $since))::bigint -- $since is the index's",
    "sqlite": f"SELECT {COLUMNS}, datetime(changed / 1000, 'unixepoch') AS updated_at FROM people"
    " WHERE changed >= 1000 * unixepoch($since) -- $since is the index's",
}
PLANS = {"postgresql": "EXPLAIN ", "sqlite": "EXPLAIN QUERY PLAN "}
INDEX_IS_USED = {"postgresql": "Index Scan using changed", "sqlite": "USING INDEX changed"}
LITERALS = {"postgresql": "TIMESTAMPTZ '{}+00:00'", "sqlite": "'{}'"}


@pytest.mark.parametrize(
    ("select", "placed"),
    [
        ("SELECT 1", "SELECT 1"),
        ("$since", "X"),
        ("a >= $since AND b >= $since;", "a >= X AND b >= X;"),
        ("a>=$since-1", "a>=X-1"),
        ("'$since' || $since", "'$since' || X"),
        ("'it''s $since' || $since", "'it''s $since' || X"),
        ('"$since" > $since', '"$since" > X'),
        ('"a""$since" > $since', '"a""$since" > X'),
        ("-- $since isn't\n$since", "-- $since isn't\nX"),
        ("/* $since isn't */ $since", "/* $since isn't */ X"),
        ("$since_when, $sinces, $1, $$since, a$since, $SINCE", "$since_when, $sinces, $1, $$since, a$since, $SINCE"),
        ("'never closed $since", "'never closed $since"),
        ("/* never closed $since", "/* never closed $since"),
        ("1 - -$since", "1 - -X"),
        ("1 / $since", "1 / X"),
    ],
)
@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite"])
def test_it_is_placed_where_it_stands_and_nowhere_else(dialect: str, select: str, placed: str) -> None:
    assert place_since(select, dialect, "X") == placed


@pytest.mark.parametrize(
    ("dialect", "select", "placed"),
    [
        ("postgresql", "$$ $since $$ || $since", "$$ $since $$ || X"),
        ("postgresql", "$a$ $since $$ $since $a$ || $since", "$a$ $since $$ $since $a$ || X"),
        ("postgresql", "$since$ $since $since$ || $since", "$since$ $since $since$ || X"),
        ("postgresql", "E'it\\'s $since' || $since", "E'it\\'s $since' || X"),
        ("postgresql", "'back\\' || $since", "'back\\' || X"),
        ("postgresql", "name'$since' || $since", "name'$since' || X"),
        ("postgresql", "/* a /* $since */ $since */ $since", "/* a /* $since */ $since */ X"),
        ("postgresql", "a[$since]", "a[X]"),
        ("mysql", "'it\\'s $since' < $since", "'it\\'s $since' < X"),
        ("mysql", '"it\\"s $since" < $since', '"it\\"s $since" < X'),
        ("mysql", "`it's` < $since", "`it's` < X"),
        ("mysql", "# it's $since\n$since", "# it's $since\nX"),
        ("mysql", "1 --$since", "1 --X"),
        ("mysql", "/* a /* $since */ $since", "/* a /* $since */ X"),
        ("sqlite", "/* a /* $since */ $since", "/* a /* $since */ X"),
        ("sqlite", "`$since` > $since", "`$since` > X"),
        ("sqlite", "[$since] > $since", "[$since] > X"),
        ("sqlite", "'back\\' || $since", "'back\\' || X"),
    ],
)
def test_each_database_has_its_own_quotes(dialect: str, select: str, placed: str) -> None:
    assert place_since(select, dialect, "X") == placed


@given(st.text("'\"$-/*\\eE since\n`[]1#", max_size=40), st.sampled_from(["postgresql", "mysql", "sqlite"]))
def test_what_does_not_say_it_stays_as_it_is(select: str, dialect: str) -> None:
    assert place_since(select, dialect, "$since") == select


@pytest.mark.parametrize(
    ("start", "zone", "said"),
    [
        (None, "UTC", BEGINNING),
        (START, "UTC", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        (START, "Europe/Berlin", datetime(2026, 7, 1, 9, tzinfo=UTC)),
        (START.astimezone(ZoneInfo("Asia/Tokyo")), "UTC", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        (BEGINNING + timedelta(minutes=5), "Europe/Berlin", BEGINNING),
    ],
)
def test_it_never_lies_after_what_is_asked_for(start: datetime | None, zone: str, said: datetime) -> None:
    assert earliest(start, ZoneInfo(zone)) == said


class Platform:
    """People with the instant of their change in milliseconds, an index on it, a mapping that places `$since`, and a home."""

    def __init__(self, folder: Path, kind: str, url: str) -> None:
        self.kind, self.address, self.folder, self.home = kind, Address(kind, url), folder / "mine", migrated_home(folder / "data")
        self.source = Source("mine", self.address, str(self.folder))
        self.folder.mkdir()
        self.map(USERS[kind])
        self.run("CREATE TABLE people (id text, changed bigint)")
        self.run("CREATE INDEX changed ON people (changed)")

    def map(self, select: str) -> None:
        (self.folder / "users.sql").write_text(select)

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.address.path)) as con, con:
                return con.execute(sql, values).fetchall()
        with closing(psycopg.connect(self.address.url, autocommit=True)) as con:
            cursor = con.execute(sql.replace("?", "%s"), values or None)
            return cursor.fetchall() if cursor.description else []

    def add(self, key: str, changed: datetime) -> None:
        self.run("INSERT INTO people VALUES (?, ?)", key, round(changed.timestamp() * 1000))

    def take(self) -> int:
        """Extract and load; returns how many rows were read."""
        root = str(self.home.root)
        extraction = extract_datasets.fn(
            root,
            source=self.source,
            so_far=read_progress.fn(root, limits=LIMITS, source="mine"),
            overlap_seconds=60.0,
            extracted_at=datetime.now(UTC),
            report=lambda pace: None,
        )
        assert extraction.failures == {}
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)
        return sum(result.rows for result in extraction.results)

    def known(self) -> list[str]:
        with warehouse(self.home, LIMITS) as con:
            return [key for (key,) in fetch(con, "SELECT user_id FROM raw.users ORDER BY 1").rows()]


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("since")


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Platform:
    if request.param == "sqlite":
        return Platform(tmp_path, "sqlite", str(tmp_path / "platform.sqlite"))
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return Platform(tmp_path, "postgresql", url)


def test_a_first_extraction_reads_everything_and_those_after_it_what_changed(platform: Platform, monkeypatch: Any) -> None:
    """In slices, too, and rows of long ago."""
    monkeypatch.setattr(slices, "LEAST_ROWS", 2)
    for number in range(6):
        platform.add(f"u{number}", NOON + timedelta(days=number))
    platform.add("old", datetime(1950, 1, 1, tzinfo=UTC))
    assert platform.take() == 7
    assert platform.known() == ["old", "u0", "u1", "u2", "u3", "u4", "u5"]
    platform.add("u6", NOON + timedelta(days=5, seconds=1))
    platform.add("late", NOON)
    assert platform.take() == 2
    assert platform.known() == ["old", "u0", "u1", "u2", "u3", "u4", "u5", "u6"]


WAYS: dict[str, Callable[[Session], Any]] = {
    "by key": lambda session: session.read_keys("users", ["u0", "u1"]),
    "everything": lambda session: session.read_all("users"),
    "the first slice": lambda session: session.read_changed("users", Span(None, NOON + timedelta(days=9))),
    "a listing": lambda session: session.list_rows("users"),
    "a look": lambda session: session.peek("users", 10),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_where_nothing_bounds_a_read_it_leaves_nothing_out(platform: Platform, way: Callable[[Session], Any]) -> None:
    platform.add("u0", datetime(1, 1, 1, tzinfo=UTC))
    platform.add("u1", NOON)
    with open_session(platform.source) as session:
        session.check("users")
        assert sorted(key for table in way(session) for key in table[0].to_pylist()) == ["u0", "u1"]


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_the_read_is_confined_to_the_instant_itself_though_it_lets_more_through(platform: Platform, seconds: int) -> None:
    platform.add("u1", NOON + timedelta(seconds=30 + seconds))
    with open_session(platform.source) as session:
        session.check("users")
        keys = [key for table in session.read_changed("users", Span(NOON + timedelta(seconds=30))) for key in table[0].to_pylist()]
    assert keys == (["u1"] if seconds >= 0 or platform.kind == "sqlite" else []), "SQLite compares from the minute on"


def test_the_index_serves(platform: Platform) -> None:
    for first in range(0, 20_000, 5_000):
        values = ", ".join(f"('u{number}', {1_700_000_000_000 + number * 60_000})" for number in range(first, first + 5_000))
        platform.run(f"INSERT INTO people VALUES {values}")
    platform.run("ANALYZE people")
    literal = LITERALS[platform.kind].format("2023-11-28 07:00")
    plan = platform.run(PLANS[platform.kind] + place_since(USERS[platform.kind], platform.kind, literal).partition(" --")[0])
    assert INDEX_IS_USED[platform.kind] in str(plan)
    platform.take()
    if platform.kind == "postgresql":
        used = "SELECT pg_stat_force_next_flush(), idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'changed'"
        before = platform.run(used)[0][1]
        platform.add("new", datetime.fromtimestamp(1_700_000_000 + 20_000 * 60, UTC))
        platform.take()
        assert platform.run(used)[0][1] > before


def test_doctor_takes_it(platform: Platform) -> None:
    platform.add("u1", NOON)
    with open_session(platform.source) as session:
        found = examine(session, platform.source.load_mapping(), "users", NOON)
    assert (found.problems, found.notices, found.looked_at) == ((), (), 1)
