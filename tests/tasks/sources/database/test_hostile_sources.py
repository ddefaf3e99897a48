"""Sources that do what they should not: each is said in a line or refused with a reason, and every sound row arrives in raw.

From the source's table to the warehouse, in a real PostgreSQL and in SQLite.
"""

import re
import resource
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from tests.postgresql import PostgresServer

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
SCANS = """
    SELECT id AS scan_id, name, 'crm' AS data_source, 'full' AS scan_type, CAST(status AS text) AS status,
           CAST(status AS text) AS source_status, NULL AS queued_at, NULL AS started_at, NULL AS finished_at,
           NULL AS assets_scanned, NULL AS issues_found, NULL AS triggered_by, note AS error_message, updated_at
    FROM jobs
"""
USERS = "SELECT id AS user_id, role, team, NULL AS is_active, '{}' AS preferences, created_at, updated_at FROM people"
KNOWN = "SELECT scan_id FROM raw.scans ORDER BY scan_id"
REFUSED = "SELECT key, reason FROM ops.rejected_rows ORDER BY key, reason"


class Platform:
    """A database of jobs and people, a mapping of them to scans and users, and a home that reads it."""

    def __init__(self, folder: Path, kind: str, url: str) -> None:
        self.kind, self.address, self.folder, self.home = kind, Address(kind, url), folder / "mine", migrated_home(folder / "data")
        self.folder.mkdir()
        self.map(scans=SCANS, users=USERS)
        self.change("CREATE TABLE jobs (id text, name text, status text, note text, updated_at timestamptz)")
        self.change("CREATE TABLE people (id text, role text, team text, created_at timestamptz, updated_at timestamptz)")

    def map(self, zone: str = "UTC", **selects: str) -> None:
        for dataset, select in selects.items():
            (self.folder / f"{dataset}.sql").write_text(select)
        (self.folder / "mapping.toml").write_text('[timezones]\nscans = "server"\nusers = "server"\n')
        self.zone = zone

    def change(self, sql: str, *values: Any) -> None:
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.address.path)) as con, con:
                con.execute(sql, values)
        else:
            with closing(psycopg.connect(self.address.url, autocommit=True)) as con:
                con.execute(sql.replace("?", "%s"), values)

    def add(self, key: Any, updated_at: Any = "2026-07-01 12:00:00", status: str = "succeeded", note: str | None = None) -> None:
        stamp = updated_at.strftime("%Y-%m-%d %H:%M:%S.%f") if self.kind == "sqlite" and hasattr(updated_at, "year") else updated_at
        self.change("INSERT INTO jobs (id, status, note, updated_at) VALUES (?, ?, ?, ?)", key, status, note, stamp)

    def add_person(self, key: str, role: str = "analyst", updated_at: str = "2026-07-01 12:00:00") -> None:
        self.change("INSERT INTO people (id, role, updated_at) VALUES (?, ?, ?)", key, role, updated_at)

    def take(self, overlap_seconds: float = 300.0) -> Extraction:
        """Extract what changed, and load it."""
        root, source = str(self.home.root), Source("mine", self.address, str(self.folder), self.zone)
        extraction = extract_datasets.fn(
            root,
            source=source,
            so_far=read_progress.fn(root, limits=LIMITS, source="mine"),
            overlap_seconds=overlap_seconds,
            extracted_at=datetime.now(UTC),
            report=lambda pace: None,
        )
        assert not any("\n" in said for said in extraction.failures.values())
        with warehouse(self.home, LIMITS) as con:
            load_landing(con, self.home)
        return extraction

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with warehouse(self.home, LIMITS) as con:
            return fetch(con, sql).rows()

    def known(self) -> list[str]:
        """The scans that have arrived."""
        return [key for (key,) in self.rows(KNOWN)]


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("hostile_sources")


@pytest.fixture
def postgresql(url: str, tmp_path: Path) -> Platform:
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; ALTER DATABASE hostile_sources SET timezone = 'UTC'")
    return Platform(tmp_path, "postgresql", url)


@pytest.fixture
def sqlite(tmp_path: Path) -> Platform:
    return Platform(tmp_path, "sqlite", str(tmp_path / "platform.sqlite"))


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
def test_a_clock_that_is_an_hour_off_hides_no_row(platform: Platform, hours: int) -> None:
    """The rows are stamped by another clock than the one that tells how far the look sees."""
    for number in range(3):
        platform.add(f"s{number}", datetime.now(UTC) + timedelta(hours=hours))
        assert platform.take(overlap_seconds=0.0).failures == {}
        assert platform.known() == [f"s{earlier}" for earlier in range(number + 1)]
    assert platform.rows(REFUSED) == []


def test_one_clock_of_several_that_is_ahead_hides_no_row_of_the_others(platform: Platform) -> None:
    for number, hours in enumerate([1, 0, 0]):
        platform.add(f"s{number}", datetime.now(UTC) + timedelta(hours=hours))
        platform.take(overlap_seconds=0.0)
    assert platform.known() == ["s0", "s1", "s2"]


def test_instants_without_a_zone_are_those_of_the_zone_that_the_mapping_names(platform: Platform) -> None:
    if platform.kind == "postgresql":
        platform.change("ALTER TABLE jobs ALTER updated_at TYPE timestamp")
    platform.map("Europe/Berlin")
    platform.add("summer", "2026-07-01 12:00:00")
    platform.add("winter", "2026-01-01 12:00:00")
    platform.take(overlap_seconds=0.0)
    platform.add("later", "2026-07-01 12:00:01")
    platform.take(overlap_seconds=0.0)
    assert platform.rows("SELECT scan_id, updated_at FROM raw.scans ORDER BY scan_id") == [
        ("later", datetime(2026, 7, 1, 10, 0, 1, tzinfo=UTC)),
        ("summer", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("winter", datetime(2026, 1, 1, 11, tzinfo=UTC)),
    ]


def test_a_row_without_a_key_is_refused_until_it_has_one(platform: Platform) -> None:
    platform.add("s1")
    platform.add(None)
    for _ in range(2):
        assert platform.take().failures == {}
        assert platform.known() == ["s1"]
        assert platform.rows(REFUSED) == [("?", "scan_id is missing")]
    platform.change("UPDATE jobs SET id = 's2' WHERE id IS NULL")
    platform.take()
    assert platform.known() == ["s1", "s2"]


TYPES = {
    "int to text": ("bigint", [7, 8, 9], "text", "'job-' || id", ["job-7", "job-8", "job-9"]),
    "text to int": (
        "text",
        ["job-7", "--8", "'9'"],
        "bigint",
        "CASE id WHEN 'job-7' THEN 70 WHEN '--8' THEN 80 ELSE 90 END",
        [70, 80, 90],
    ),
    "int to uuid": ("int", [7, 8, 9], "uuid", "('00000000-0000-0000-0000-00000000000' || id)::uuid", None),
    "uuid to numeric": (
        "uuid",
        [f"00000000-0000-0000-0000-00000000000{n}" for n in (7, 8, 9)],
        "numeric",
        "right(id::text, 1)::numeric",
        None,
    ),
}


@pytest.mark.parametrize(("old", "keys", "new", "using", "changed"), TYPES.values(), ids=TYPES)
def test_a_key_that_changes_its_type_between_two_runs_is_read_on(
    postgresql: Platform, old: str, keys: list[Any], new: str, using: str, changed: list[Any] | None
) -> None:
    """Also where rows are looked up by the key that they had: those that were open, and those that were refused."""
    postgresql.change(f"ALTER TABLE jobs ALTER id TYPE {old} USING NULL")
    for key, status in zip(keys, ("running", "no word", "succeeded"), strict=True):
        postgresql.add(key, status=status)
    postgresql.take()
    assert postgresql.known() == sorted(str(keys[place]) for place in (0, 2))
    postgresql.change(f"ALTER TABLE jobs ALTER id TYPE {new} USING {using}")
    postgresql.change("UPDATE jobs SET updated_at = '2026-07-01 13:00:00', status = 'failed'")
    assert postgresql.take().failures == {}
    failed = [key for (key,) in postgresql.rows("SELECT scan_id FROM raw.scans WHERE status = 'failed' ORDER BY scan_id")]
    assert len(failed) == 3
    assert changed is None or failed == sorted(map(str, changed))


@pytest.mark.parametrize(("keys", "changed"), [([7, 8, 9], ["a7", "a8", "a9"]), (["a7", "--8", "'9'"], [70, 80, 90])])
def test_a_key_in_sqlite_that_changes_its_type_between_two_runs_is_read_on(
    sqlite: Platform, keys: list[Any], changed: list[Any]
) -> None:
    sqlite.change("DROP TABLE jobs")
    sqlite.change("CREATE TABLE jobs (id, name, status, note, updated_at)")
    for key, status in zip(keys, ("running", "no word", "succeeded"), strict=True):
        sqlite.add(key, status=status)
    sqlite.take()
    assert sqlite.known() == sorted(str(keys[place]) for place in (0, 2))
    for key, other in zip(keys, changed, strict=True):
        sqlite.change("UPDATE jobs SET id = ?, updated_at = '2026-07-01 13:00:00', status = 'failed' WHERE id = ?", other, key)
    assert sqlite.take().failures == {}
    assert set(map(str, changed)) <= set(sqlite.known())


def test_a_status_never_seen_before_is_refused_with_the_word_until_the_mapping_knows_it(platform: Platform) -> None:
    if platform.kind == "postgresql":
        platform.change("CREATE TYPE state AS ENUM ('queued', 'succeeded')")
        platform.change("ALTER TABLE jobs ALTER status TYPE state USING status::state")
    platform.add("s1", "2026-07-01 12:00:00")
    platform.take()
    if platform.kind == "postgresql":
        platform.change("ALTER TYPE state ADD VALUE 'stalled'")
    platform.add("s2", "2026-07-01 12:01:00", status="stalled")
    platform.add("s3", "2026-07-03 12:00:00")
    platform.take()
    assert platform.known() == ["s1", "s3"]
    assert platform.rows(REFUSED) == [("s2", "status is not one of queued | running | succeeded | failed | canceled: stalled")]
    words = "CASE CAST(status AS text) WHEN 'stalled' THEN 'failed' ELSE CAST(status AS text) END AS status,"
    platform.map(scans=SCANS.replace("CAST(status AS text) AS status,", words))
    platform.take()
    statuses = "SELECT scan_id, status, source_status FROM raw.scans WHERE scan_id = 's2'"
    assert platform.rows(statuses) == [("s2", "failed", "stalled")], "though the watermark is days past it"
    assert platform.rows(REFUSED) == []


EVERY_COLUMN = "SELECT people.*, id AS user_id, NULL AS is_active, '{}' AS preferences FROM people"


@pytest.mark.parametrize("select", [USERS, EVERY_COLUMN], ids=["by name", "by star"])
def test_a_column_that_is_dropped_is_named_and_the_others_go_on_until_it_is_back(platform: Platform, select: str) -> None:
    platform.map(users=select)
    platform.add_person("u1")
    platform.add("s1")
    assert platform.take().failures == {}
    platform.change("ALTER TABLE people DROP COLUMN role")
    platform.change("INSERT INTO people (id, updated_at) VALUES ('u2', '2026-07-01 13:00:00')")
    platform.add("s2", "2026-07-01 13:00:00")
    failures = platform.take().failures
    assert list(failures) == ["users"]
    assert "mapping mine/users.sql" in failures["users"]
    assert "role" in failures["users"]
    assert platform.known() == ["s1", "s2"]
    platform.change("ALTER TABLE people ADD COLUMN role text DEFAULT 'admin'")
    assert platform.take().failures == {}
    assert platform.rows("SELECT user_id, role FROM raw.users ORDER BY user_id") == [("u1", "admin"), ("u2", "admin")]


def test_a_table_of_three_hundred_columns_is_read_as_any_other(platform: Platform) -> None:
    names = [f"column_{number}" for number in range(300)]
    platform.change(f"CREATE TABLE wide (id text, {', '.join(f'{name} text' for name in names)}, updated_at timestamptz)")
    every = ", ".join(f"'value of {name}'" for name in names)
    platform.change(f"INSERT INTO wide VALUES ('u1', {every}, '2026-07-01 12:00:00')")
    extra = "'{}' AS preferences, column_299 AS role, NULL AS is_active, NULL AS created_at"
    platform.map(users=f"SELECT wide.*, id AS user_id, column_7 AS team, {extra} FROM wide")
    assert platform.take().failures == {}
    assert platform.rows("SELECT user_id, team, role FROM raw.users") == [("u1", "value of column_7", "value of column_299")]


def test_a_text_of_ten_megabytes_is_refused_with_its_size_and_kept_whole(platform: Platform) -> None:
    length = 10_000_000
    platform.add("s1")
    platform.add("s2", note="x" * length)
    platform.add("s3", note="x" * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        assert platform.take().failures == {}
        assert platform.known() == ["s1", "s3"]
        assert platform.rows(REFUSED) == [("s2", "error_message is 10000000 bytes long, above 1000000")]
    whole = "SELECT length(\"row\" ->> 'error_message'), \"row\" ->> 'scan_id' FROM ops.rejected_rows"
    assert platform.rows(whole) == [(length, "s2")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "kB"


def test_text_in_sqlite_that_is_no_utf8_is_refused_by_its_column(sqlite: Platform) -> None:
    for key in ("s1", "s2", "s3"):
        sqlite.add(key)
    sqlite.change("UPDATE jobs SET note = CAST(X'6f6bff' AS TEXT), name = CAST(X'c3' AS TEXT) WHERE id = 's2'")
    sqlite.change("INSERT INTO jobs (id, status, updated_at) VALUES (CAST(X'f0' AS TEXT), 'failed', '2026-07-01 12:00:00')")
    for _ in range(2):
        assert sqlite.take().failures == {}
        assert sqlite.known() == ["s1", "s3"]
        assert sqlite.rows(REFUSED) == [
            ("\\xf0", "scan_id is not valid UTF-8"),
            ("s2", "name is not valid UTF-8; error_message is not valid UTF-8"),
        ]
    assert sqlite.rows("SELECT \"row\" ->> 'error_message' FROM ops.rejected_rows WHERE key = 's2'") == [("ok\\xff",)]
    sqlite.change("UPDATE jobs SET note = 'ok', name = NULL WHERE id = 's2'")
    sqlite.take()
    assert sqlite.known() == ["s1", "s2", "s3"]


def test_text_in_postgresql_that_no_encoding_vouches_for_costs_its_row(postgres: PostgresServer, tmp_path: Path) -> None:
    with closing(postgres.connect()) as con:
        con.execute("DROP DATABASE IF EXISTS hostile_ascii WITH (FORCE)")
        con.execute("CREATE DATABASE hostile_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    platform = Platform(tmp_path, "postgresql", postgres.url("hostile_ascii"))
    platform.add("s1")
    platform.add_person("u1")
    platform.change("UPDATE people SET team = E'M\\xfcller'")
    platform.add_person("u2")
    assert platform.take().failures == {}
    said = 'the database cannot read this row: invalid byte sequence for encoding "UTF8": 0xfc'
    assert platform.rows(REFUSED) == [("u1", said)]
    assert platform.rows("SELECT user_id FROM raw.users") == [("u2",)]


ODD_INSTANTS = {
    "infinity": "is no instant: NULL says that there is none",
    "-infinity": "is no instant: NULL says that there is none",
    "20000-01-01": "is not within the years 1 to 9999",
    "290000-01-01": "is not within the years 1 to 9999",
    "0044-03-15 BC": "is not within the years 1 to 9999",
}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_instants_that_are_none_are_refused_one_by_one(postgresql: Platform, kind: str, zone: str) -> None:
    postgresql.map(zone)
    postgresql.change(f"ALTER TABLE people ALTER created_at TYPE {kind}, ALTER updated_at TYPE {kind}")
    for instant in ODD_INSTANTS:
        postgresql.change("INSERT INTO people (id, updated_at) VALUES (?, ?)", f"changed {instant}", instant)
        sql = "INSERT INTO people (id, created_at, updated_at) VALUES (?, ?, '2026-07-01')"
        postgresql.change(sql, f"made {instant}", instant)
    postgresql.add_person("u1", updated_at="2026-07-02")
    expected = [(f"changed {instant}", f"updated_at {reason}") for instant, reason in ODD_INSTANTS.items()]
    expected += [(f"made {instant}", f"created_at {reason}") for instant, reason in ODD_INSTANTS.items()]
    for key in ("u1", "u2"):
        assert postgresql.take().failures == {}
        assert postgresql.rows("SELECT max(user_id) FROM raw.users") == [(key,)]
        said = [(key, re.sub("is not a timestamp: [^ ]+ ", "", reason)) for key, reason in postgresql.rows(REFUSED)]
        assert said == sorted(expected)
        postgresql.add_person("u2", updated_at="2026-07-03")
    kept = (
        "SELECT \"row\" ->> 'updated_at' FROM ops.rejected_rows WHERE key IN ('changed infinity', 'changed -infinity') ORDER BY 1"
    )
    assert postgresql.rows(kept) == [("-infinity",), ("infinity",)], "as they came"


def test_two_rows_that_say_different_things_of_the_same_version_are_one_too_many(platform: Platform) -> None:
    """Nobody can tell which of them is right: the greater one stays, whatever the order."""
    platform.add("s1", status="failed")
    platform.add("s1", status="succeeded")
    platform.add("s2")
    platform.add("s2")
    for _ in range(2):
        assert platform.take().failures == {}
        assert platform.rows("SELECT scan_id, status FROM raw.scans ORDER BY scan_id") == [("s1", "succeeded"), ("s2", "succeeded")]
        reason = "another row of the batch has the same key and version, and says something else"
        assert platform.rows(REFUSED) == [("s1", reason)], "two that say the same are no contradiction"
    platform.change("DELETE FROM jobs WHERE status = 'failed'")
    platform.take()
    assert platform.rows(REFUSED) == []


def test_the_newer_of_two_rows_with_one_key_stays(platform: Platform) -> None:
    platform.add("s1", "2026-07-01 12:00:01", status="failed")
    platform.add("s1", "2026-07-01 12:00:00", status="succeeded")
    platform.take()
    assert platform.rows("SELECT status FROM raw.scans") == [("failed",)]
    assert platform.rows(REFUSED) == []
