"""Reading PostgreSQL: a real server, hand-made tables, and mappings of the test's own."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import slices
from tasks.sources.address import Address
from tasks.sources.database import postgresql as reader
from tasks.sources.database import postgresql_reading as reading
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, Span
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.progress import SourceProgress
from tasks.sources.slices import cut
from tests.postgresql import PostgresServer
from tests.tls_proxy import Authority, TlsProxy

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
USERS = "SELECT id AS user_id, role, team, is_active, preferences, created_at, updated_at FROM people"
SCANS = """
    SELECT id AS scan_id, name, data_source, 'full' AS scan_type, 'succeeded' AS status, 'done' AS source_status, queued_at,
           NULL::timestamptz AS started_at, NULL::timestamptz AS finished_at, assets AS assets_scanned, issues AS issues_found,
           triggered_by, note AS error_message, updated_at
    FROM jobs
"""
PEOPLE = "CREATE TABLE people (id {}, role text, team text, is_active boolean, preferences jsonb, created_at {}, updated_at {})"
WHOLE = Span()
Mapped = Callable[..., Source]


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("reading_postgresql")


@pytest.fixture
def con(url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty database; what it writes is committed at once."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield connection


@pytest.fixture
def mapped(url: str, tmp_path: Path) -> Mapped:
    """A source that reads the database through the given SELECTs, every timestamp without a zone taken as one of `zone`."""

    def source(zone: str = "UTC", at: str = url, timeout: float = 60.0, **selects: str) -> Source:
        return mapping_of(tmp_path / "mine", Address("postgresql", at), zone, timeout, **selects)

    return source


def mapping_of(folder: Path, address: Address, zone: str, timeout: float = 60.0, **selects: str) -> Source:
    folder.mkdir(exist_ok=True)
    for dataset, select in selects.items():
        (folder / f"{dataset}.sql").write_text(select)
    (folder / "mapping.toml").write_text("[timezones]\n" + "".join(f'{dataset} = "server"\n' for dataset in selects))
    return Source("mine", address, str(folder), zone, timeout)


def make_people(
    con: psycopg.Connection, key: str = "text", created_at: str = "timestamptz", updated_at: str = "timestamptz"
) -> None:
    con.execute(PEOPLE.format(key, created_at, updated_at))


def add(con: psycopg.Connection, key: Any, updated_at: Any = "2026-07-01 12:00") -> None:
    con.execute("INSERT INTO people (id, role, updated_at) VALUES (%s, 'analyst', %s)", [key, updated_at])


def take(home: Home, source: Source) -> Extraction:
    """Extract everything and load it."""
    extraction = extract_datasets.fn(
        str(home.root),
        source=source,
        so_far=SourceProgress({}),
        overlap_seconds=300.0,
        extracted_at=NOW,
        report=lambda pace: None,
    )
    with warehouse(home, LIMITS) as con:
        load_landing(con, home)
    return extraction


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with warehouse(home, LIMITS) as con:
        return fetch(con, sql).rows()


def said_by(source: Source, look: Callable[[Session], object], dataset: str = "users") -> str:
    """The one line in which reading fails."""

    def reading() -> None:
        with open_session(source) as session:
            session.check(dataset)
            look(session)

    return fails(reading)


def fails(look: Callable[[], object]) -> str:
    with pytest.raises(GovpulseError) as caught:
        look()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read_all(session: Session, dataset: str = "users", span: Span = WHOLE) -> list[str]:
    """The keys of the rows of `span`."""
    return keys_of(session.read_changed(dataset, span))


def keys_of(tables: Iterator[pa.Table]) -> list[str]:
    return [str(key) for table in tables for key in table[0].to_pylist()]


def test_native_types_of_a_user_come_through(con: psycopg.Connection, mapped: Mapped, home: Home) -> None:
    con.execute("CREATE TYPE job AS ENUM ('analyst', 'admin')")
    make_people(con, key="uuid", created_at="timestamp")
    con.execute("ALTER TABLE people ALTER role TYPE job USING role::job, ALTER team TYPE varchar(20)")
    con.execute(
        "INSERT INTO people VALUES ('6F1C54F3-7B43-4C3E-9C5D-1F0E8F2B7A10', 'admin', 'data', true, '{\"theme\":  \"dark\"}',"
        " '2026-07-01 12:00:00.123456', '2026-07-02 12:00:00.5+02')"
    )
    take(home, mapped("Europe/Berlin", users=USERS))
    assert rows(home, "SELECT * EXCLUDE (source, extracted_at, is_deleted, is_bot) FROM raw.users") == [
        (
            "6f1c54f3-7b43-4c3e-9c5d-1f0e8f2b7a10",
            "admin",
            "data",
            True,
            '{"theme": "dark"}',
            datetime(2026, 7, 1, 10, 0, 0, 123456, UTC),
            datetime(2026, 7, 2, 10, 0, 0, 500000, UTC),
        )
    ]


def test_what_fills_up_a_column_is_no_part_of_what_it_says(con: psycopg.Connection, mapped: Mapped, home: Home) -> None:
    """Blanks behind a `character(n)`, and zeros behind a whole `numeric(n, m)`."""
    make_people(con, key="numeric(20, 6)")
    con.execute("ALTER TABLE people ALTER role TYPE char(12), ALTER team TYPE numeric(9, 2) USING team::numeric")
    con.execute(
        "INSERT INTO people (id, role, team, updated_at) VALUES (7, 'analyst', 41, '2026-07-01'), (8.5, ' x ', 1.5, '2026-07-01')"
    )
    take(home, mapped(users=USERS))
    assert rows(home, "SELECT user_id, role, team FROM raw.users ORDER BY 1") == [
        ("7", "analyst", "41"),
        ("8.500000", " x", "1.50"),
    ]


JOBS = """
    CREATE TABLE jobs (id int, name interval, data_source text[], triggered_by inet, note bytea, queued_at date, assets numeric,
                       issues smallint, updated_at timestamptz)
"""


def test_types_that_the_warehouse_lacks_come_as_postgresqls_own_text_and_numbers_as_numbers(
    con: psycopg.Connection, mapped: Mapped, home: Home
) -> None:
    con.execute(JOBS)
    con.execute(
        "INSERT INTO jobs VALUES (-7, '1 day 02:03:04.5', '{a,\"b c\",NULL}', '10.1.2.3/8', '\\xdead', '2026-07-01', 12345678901,"
        " 32767, '2026-07-02 12:00+00')"
    )
    take(home, mapped("Europe/Berlin", scans=SCANS))
    columns = "scan_id, name, data_source, triggered_by, error_message, queued_at, assets_scanned, issues_found"
    assert rows(home, f"SELECT {columns} FROM raw.scans") == [
        (
            "-7",
            "1 day 02:03:04.5",
            '{a,"b c",NULL}',
            "10.1.2.3/8",
            "\\xdead",
            datetime(2026, 6, 30, 22, tzinfo=UTC),
            12345678901,
            32767,
        )
    ]


@pytest.mark.parametrize(
    ("assets", "reason"),
    [
        ("'NaN'", "assets_scanned is not a whole number: NaN"),
        ("2.5", "assets_scanned is not a whole number: 2.5"),
        ("1e30", "assets_scanned is not a whole number: 1000000000000000000000000000000"),
        ("-1", "assets_scanned is below 0"),
    ],
)
def test_a_numeric_that_is_no_count_is_refused_with_its_value(
    con: psycopg.Connection, mapped: Mapped, home: Home, assets: str, reason: str
) -> None:
    con.execute(JOBS)
    con.execute(f"INSERT INTO jobs (id, data_source, assets, updated_at) VALUES (1, '{{}}', {assets}, '2026-07-01')")
    con.execute("INSERT INTO jobs (id, data_source, assets, updated_at) VALUES (2, '{}', 3.00, '2026-07-01')")
    take(home, mapped(scans=SCANS))
    assert rows(home, "SELECT scan_id, assets_scanned FROM raw.scans") == [("2", 3)]
    assert rows(home, "SELECT key, reason FROM ops.rejected_rows") == [("1", reason)]


def test_nulls_stay_nulls(con: psycopg.Connection, mapped: Mapped, home: Home) -> None:
    con.execute(JOBS)
    make_people(con, key="uuid", created_at="date", updated_at="timestamp")
    con.execute("INSERT INTO jobs (id, data_source, updated_at) VALUES (1, '{}', '2026-07-01')")
    con.execute("INSERT INTO people (id, updated_at) VALUES (gen_random_uuid(), '2026-07-01')")
    take(home, mapped("Europe/Berlin", scans=SCANS, users=USERS))
    optional = "name, triggered_by, error_message, queued_at, assets_scanned, issues_found"
    assert rows(home, f"SELECT {optional} FROM raw.scans") == [(None,) * 6]
    assert rows(home, "SELECT role, team, is_active, preferences, created_at FROM raw.users") == [(None,) * 5]


def test_local_times_on_both_days_on_which_the_clock_is_put(con: psycopg.Connection, mapped: Mapped, home: Home) -> None:
    make_people(con, created_at="timestamp", updated_at="timestamp")
    for key, local in enumerate(
        ["2026-03-29 01:50", "2026-03-29 03:10", "2025-10-26 01:50", "2025-10-26 02:30", "2025-10-26 03:10"]
    ):
        add(con, str(key), local)
    add(con, "never", "2026-03-29 02:30:00.5")
    con.execute("INSERT INTO people (id, created_at, updated_at) VALUES ('never made', '2026-03-29 02:59:59', '2026-03-30')")
    take(home, mapped("Europe/Berlin", users=USERS))
    assert [instant for (instant,) in rows(home, "SELECT updated_at FROM raw.users ORDER BY user_id")] == [
        datetime(2026, 3, 29, 0, 50, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 10, tzinfo=UTC),
        datetime(2025, 10, 25, 23, 50, tzinfo=UTC),
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 2, 10, tzinfo=UTC),
    ]
    assert rows(home, "SELECT key, reason FROM ops.rejected_rows ORDER BY key") == [
        ("never", "updated_at is not a timestamp: 2026-03-29 02:30:00.500000 does not exist in Europe/Berlin"),
        ("never made", "created_at is not a timestamp: 2026-03-29 02:59:59.000000 does not exist in Europe/Berlin"),
    ]


@pytest.mark.parametrize("zone", ["Africa/Cairo", "Europe/Berlin"])
def test_a_day_that_begins_or_ends_with_a_time_that_does_not_exist_is_counted_all_the_same(
    con: psycopg.Connection, mapped: Mapped, zone: str
) -> None:
    """In Cairo the clock goes from midnight to one on 24 April 2026, in Berlin from two to three on 29 March."""
    make_people(con, updated_at="timestamp")
    for local in ("2026-03-28 10:00", "2026-03-29 02:30", "2026-04-24 00:30", "2026-04-25 10:00"):
        add(con, local, local)
    with open_session(mapped(zone, users=USERS)) as session:
        session.check("users")
        days = session.count_days("users", None)
        assert sorted(read_all(session)) == ["2026-03-28 10:00", "2026-03-29 02:30", "2026-04-24 00:30", "2026-04-25 10:00"]
    assert {day.start.tzinfo.utcoffset(None) for day in days} == {timedelta()}
    assert all(day.start <= day.newest < day.start + timedelta(days=1) for day in days)
    assert sum(day.rows for day in days) == (3 if zone == "Africa/Cairo" else 4)


def test_the_session_is_one_read_only_snapshot(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    add(con, "u1")
    setting = "current_setting('{}')".format
    select = USERS.replace("role,", f"{setting('transaction_isolation')} AS role,").replace(
        "team,", f"{setting('transaction_read_only')} AS team,"
    )
    with open_session(mapped(users=select)) as session:
        session.check("users")
        (table,) = session.read_changed("users", Span())
    assert table.select(["role", "team"]).to_pylist() == [{"role": "repeatable read", "team": "on"}]


def test_what_commits_meanwhile_is_in_no_later_dataset_of_the_session(con: psycopg.Connection, mapped: Mapped) -> None:
    con.execute(JOBS)
    make_people(con)
    add(con, "u1")
    source = mapped(users=USERS, scans=SCANS)
    with open_session(source) as session:
        session.check("users")
        add(con, "u2")
        con.execute("INSERT INTO jobs (id, updated_at) VALUES (1, now())")
        session.check("scans")
        assert read_all(session, "users") == ["u1"]
        assert read_all(session, "scans") == []
        assert session.count_days("scans", None) == []
        assert list(session.list_rows("scans")) == []
    with open_session(source) as session:
        session.check("scans")
        assert read_all(session, "scans") == ["1"]


WRITERS = {
    "a statement": "DELETE FROM people",
    "a with": f"WITH gone AS (DELETE FROM people RETURNING *) {USERS.replace('people', 'gone')}",
    "a second statement": "SELECT 1) AS mapped; DELETE FROM people; SELECT * FROM (SELECT 1",
    "the end of the transaction": "SELECT 1) AS mapped; COMMIT; DELETE FROM people; SELECT * FROM (SELECT 1",
    "a function": USERS.replace("role,", "remove() AS role,"),
    "a sequence": USERS.replace("role,", "nextval('counter')::text AS role,"),
    "a lock": f"{USERS} FOR UPDATE",
    "a large object": USERS.replace("role,", "lo_create(0)::text AS role,"),
}


@pytest.mark.parametrize("select", WRITERS.values(), ids=WRITERS)
def test_a_mapping_that_tries_to_write_is_refused_and_nothing_changes(
    con: psycopg.Connection, mapped: Mapped, home: Home, select: str
) -> None:
    con.execute(JOBS)
    con.execute("INSERT INTO jobs (id, data_source, updated_at) VALUES (1, '{}', '2026-07-01')")
    make_people(con)
    add(con, "u1")
    con.execute("CREATE SEQUENCE counter")
    con.execute("CREATE FUNCTION remove() RETURNS text LANGUAGE sql AS $$ DELETE FROM people RETURNING 'gone' $$")
    extraction = take(home, mapped(scans=SCANS, users=select))
    assert list(extraction.failures) == ["users"]
    assert "\n" not in extraction.failures["users"]
    assert con.execute("SELECT (SELECT count(*) FROM people), is_called FROM counter").fetchall() == [(1, False)]
    assert con.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchall() == [(0,)]
    assert [(result.dataset, result.rows) for result in extraction.results] == [("scans", 1)]


CANNOT_READ = "cannot read scans from {} through mapping mine/scans.sql"
FAILING = {
    "no table": ("SELECT * FROM employees", 'mapping mine/scans.sql does not fit {}: relation "employees" does not exist'),
    "no sql": ("SELEKT", "mapping mine/scans.sql does not fit {}: syntax error"),
    "no columns": ("SELECT 1 AS scan_id", "mapping mine/scans.sql does not yield name, data_source, scan_type"),
    "a column twice": (
        f"SELECT j.*, now() AS updated_at FROM ({SCANS}) AS j",
        "mapping mine/scans.sql yields updated_at more than once",
    ),
    "no instant": (SCANS.replace(" updated_at", " 'soon' AS updated_at"), "mapping mine/scans.sql: updated_at is of type text"),
    "at once": (SCANS.replace("SELECT id ", "SELECT 1 / (id - 1) "), CANNOT_READ + ": division by zero"),
    "in the midst": (SCANS.replace("SELECT id ", "SELECT 1 / (id - 9000) "), CANNOT_READ + ": division by zero"),
    "too slow": (
        SCANS.replace(" name,", " pg_sleep(0.01)::text AS name,"),
        CANNOT_READ + ": canceling statement due to",
    ),
}


@pytest.mark.parametrize(("select", "said"), FAILING.values(), ids=FAILING)
def test_the_failure_of_one_dataset_leaves_the_others_in_the_same_snapshot(
    con: psycopg.Connection, mapped: Mapped, home: Home, url: str, monkeypatch, select: str, said: str
) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(reading, "SENT_BYTES", 10_000)
    con.execute(JOBS)
    con.execute("INSERT INTO jobs (id, data_source, updated_at) SELECT n, '{}', '2026-07-01' FROM generate_series(1, 10000) AS n")
    make_people(con)
    add(con, "u1")
    extraction = take(home, mapped(timeout=0.5 if "pg_sleep" in select else 60.0, scans=select, users=USERS))
    assert list(extraction.failures) == ["scans"]
    assert extraction.failures["scans"].startswith(said.format(url.rpartition("@")[2]))
    assert "\n" not in extraction.failures["scans"]
    assert [(result.dataset, result.rows) for result in extraction.results] == [("users", 1)]
    assert rows(home, "SELECT user_id FROM raw.users") == [("u1",)]
    assert rows(home, "SELECT dataset FROM ops.watermarks") == [("users",)]


def test_a_reading_that_is_given_up_leaves_the_session_usable(con: psycopg.Connection, mapped: Mapped, monkeypatch) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(reading, "SENT_BYTES", 10_000)
    make_people(con)
    con.execute("INSERT INTO people (id, updated_at) SELECT n, now() FROM generate_series(1, 10000) AS n")
    with open_session(mapped(users=USERS)) as session:
        session.check("users")
        tables = session.read_changed("users", Span())
        assert next(tables).num_rows < 10_000
        tables.close()
        assert len(read_all(session)) == 10_000


def test_a_connection_that_is_cut_is_said_of_every_dataset_that_is_left(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    add(con, "u1")
    with open_session(mapped(users=USERS)) as session:
        session.check("users")
        con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'govpulse'")
        for look in (lambda: session.count_days("users", None), lambda: read_all(session), lambda: session.check("users")):
            assert "reading_postgresql" in fails(look)


OURS = "SELECT state FROM pg_stat_activity WHERE application_name = 'govpulse' AND datname = current_database()"


def test_the_server_sees_who_reads_and_for_how_long(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    with open_session(mapped(users=USERS)) as session:
        session.check("users")
        assert ("idle in transaction",) in con.execute(OURS).fetchall()
    for _ in range(100):
        if not con.execute(f"{OURS} AND pg_sleep(0.02) IS NOT NULL").fetchall():
            return
    pytest.fail("the session outlived its block")


def test_a_statement_that_takes_too_long_ends_in_one_line(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    source = mapped(timeout=0.2, users=f"{USERS} CROSS JOIN pg_sleep(30) RIGHT JOIN (SELECT 1) AS one ON true")
    assert said_by(source, read_all).endswith("canceling statement due to statement timeout")


@pytest.fixture
def as_reader(con: psycopg.Connection, url: str) -> Iterator[str]:
    """The URL of a role that may read the table people, and nothing else."""
    con.execute("CREATE ROLE plain_reader LOGIN")
    make_people(con)
    con.execute(JOBS)
    con.execute("GRANT USAGE ON SCHEMA public TO plain_reader; GRANT SELECT ON people TO plain_reader")
    yield url.replace("postgres@", "plain_reader:secret@")
    con.execute("DROP OWNED BY plain_reader; DROP ROLE plain_reader")


def test_a_role_that_may_only_select_can_read_and_is_told_what_it_may_not(
    con: psycopg.Connection, mapped: Mapped, home: Home, as_reader: str
) -> None:
    add(con, "u1")
    extraction = take(home, mapped(at=as_reader, users=USERS, scans=SCANS))
    assert rows(home, "SELECT user_id FROM raw.users") == [("u1",)]
    assert list(extraction.failures) == ["scans"]
    assert extraction.failures["scans"].endswith("permission denied for table jobs")


@pytest.mark.parametrize("encoding", ["LATIN1", "UTF8"])
def test_text_of_another_encoding_arrives_as_what_it_says(
    postgres: PostgresServer, mapped: Mapped, home: Home, encoding: str
) -> None:
    name = f"reading_{encoding.lower()}"
    with closing(postgres.connect()) as con:
        con.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        con.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with closing(postgres.connect(name)) as con:
        make_people(con)
        con.execute("SET client_encoding = 'UTF8'")
        con.execute("INSERT INTO people (id, team, updated_at) VALUES ('Zoë', 'Größe ½', '2026-07-01')")
    take(home, mapped(at=postgres.url(name), users=USERS))
    assert rows(home, "SELECT user_id, team FROM raw.users") == [("Zoë", "Größe ½")]


def scans_of(con: psycopg.Connection, index: str) -> int:
    """How often an index was used, once the server has counted it."""
    for _ in range(500):
        ((used,),) = con.execute(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = %s AND pg_sleep(0.02) IS NOT NULL", [index]
        ).fetchall()
        if used:
            return used
    return 0


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_what_changed_is_found_through_an_index_on_the_change_instant(con: psycopg.Connection, mapped: Mapped, kind: str) -> None:
    make_people(con, updated_at=kind)
    con.execute("INSERT INTO people (id, updated_at) SELECT n, now() - n * interval '1 hour' FROM generate_series(1, 20000) AS n")
    con.execute("CREATE INDEX changed ON people (updated_at); ANALYZE people")
    with open_session(mapped("Europe/Berlin", users=USERS)) as session:
        session.check("users")
        assert 0 < len(read_all(session, span=Span(datetime.now(UTC) - timedelta(hours=30)))) < 60
    assert scans_of(con, "changed")


@pytest.mark.parametrize("kind", ["int", "bigint", "uuid", "text", "varchar(40)"])
def test_single_keys_are_found_through_their_index(con: psycopg.Connection, mapped: Mapped, kind: str) -> None:
    make_people(con, key=f"{kind} PRIMARY KEY")
    key = "(to_char(n, 'FM00000000') || '-0000-0000-0000-000000000000')::uuid" if kind == "uuid" else "n"
    con.execute(f"INSERT INTO people (id, updated_at) SELECT {key}, now() FROM generate_series(1, 20000) AS n; ANALYZE people")
    wanted = "00000007-0000-0000-0000-000000000000" if kind == "uuid" else "7"
    with open_session(mapped(users=USERS)) as session:
        session.check("users")
        assert found(session, wanted) == [wanted]
    assert scans_of(con, "people_pkey")


def found(session: Session, *keys: str) -> list[str]:
    return sorted(keys_of(session.read_keys("users", keys)))


HOSTILE_KEYS = (
    "u1", "", " ", "-", "--5", "+5", "5.0", "5e0", "0x5", "٣", "1_000", "9" * 20, "9" * 5000, "-9223372036854775809", "NaN", "null",
    "'", "''", "\\", "\\'", "\\') OR true --", "') OR true --", "%", "$1", "a\nb", "é", "{}",
    "00000000-0000-0000-0000-00000000000G",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("smallint", "-32768"),
        ("int", "2147483647"),
        ("int", "-2147483648"),
        ("bigint", "9223372036854775807"),
        ("numeric", "12.50"),
        ("numeric(30, 4)", "12345678901234567890"),
        ("double precision", "2.5"),
        ("uuid", "6f1c54f3-7b43-4c3e-9c5d-1f0e8f2b7a10"),
        ("word", "analyst"),
        ("char(10)", "u9"),
        ("text", 'it\'s "2" \\ 50 % {x} $1 -- ;\n\té'),
        ("varchar", "u9"),
        ("inet", "10.0.0.1/32"),
        ("date", "2026-07-01"),
        ("boolean", "true"),
    ],
)
def test_a_key_is_found_again_and_words_that_are_none_of_its_type_are_in_no_row(
    con: psycopg.Connection, mapped: Mapped, home: Home, kind: str, key: str
) -> None:
    con.execute("CREATE TYPE word AS ENUM ('analyst', 'admin')")
    make_people(con, key=kind)
    add(con, key)
    source = mapped(users=USERS)
    take(home, source)
    assert rows(home, "SELECT user_id FROM raw.users") == [(key,)]
    with open_session(source) as session:
        session.check("users")
        assert found(session, key) == [key]
        assert found(session, *HOSTILE_KEYS) == []
        assert found(session, *HOSTILE_KEYS, key) == [key]
        assert found(session) == []
        assert [cell for table in session.list_rows("users") for cell in table["key"].to_pylist()] == [key]


def test_keys_are_quoted_whatever_the_server_takes_a_backslash_for(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    for key in ("u1", "\\", "\\') OR true --"):
        add(con, key)
    con.execute("ALTER DATABASE reading_postgresql SET standard_conforming_strings = off")
    try:
        with open_session(mapped(users=USERS)) as session:
            session.check("users")
            assert found(session, "\\") == ["\\"]
            assert found(session, "\\') OR true --") == ["\\') OR true --"]
    finally:
        con.execute("ALTER DATABASE reading_postgresql RESET standard_conforming_strings")


def test_peek_shows_some_rows(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con)
    for number in range(5):
        add(con, f"u{number}")
    with open_session(mapped(users=USERS)) as session:
        session.check("users")
        assert sum(table.num_rows for table in session.peek("users", 3)) == 3
        assert sum(table.num_rows for table in session.peek("users", 9)) == 5


def test_a_listing_has_every_key_as_text_and_instants_only(con: psycopg.Connection, mapped: Mapped, monkeypatch) -> None:
    """In every batch of one type, though one local time does not exist and another is infinite."""
    monkeypatch.setattr(reader, "BATCH_BYTES", 100)
    make_people(con, key="int", updated_at="timestamp")
    for key, updated_at in enumerate(["2026-07-01", None, "2026-03-29 02:30", "infinity", "2026-07-02 12:00"]):
        add(con, key, updated_at)
    with open_session(mapped("Europe/Berlin", users=USERS)) as session:
        session.check("users")
        tables = list(session.list_rows("users"))
    assert {str(table.schema.field("updated_at").type) for table in tables} == {"timestamp[us, tz=UTC]"}
    assert [(row["key"], row["updated_at"]) for table in tables for row in table.to_pylist()] == [
        ("0", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("1", None),
        ("2", None),
        ("3", None),
        ("4", datetime(2026, 7, 2, 10, tzinfo=UTC)),
    ]


def test_check_gives_the_types_as_the_database_calls_them(con: psycopg.Connection, mapped: Mapped) -> None:
    make_people(con, key="int", created_at="timestamp")
    with open_session(mapped(users=USERS)) as session:
        assert session.check("users") == {
            "user_id": "int4",
            "role": "text",
            "team": "text",
            "is_active": "bool",
            "preferences": "jsonb",
            "created_at": "timestamp",
            "updated_at": "timestamptz",
        }


DST_DAYS = [datetime(2026, 3, 28, 22), datetime(2025, 10, 25, 22)]
INSTANTS = st.one_of(
    st.none(),
    st.builds(lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(DST_DAYS), st.integers(0, 8 * 60)),
    st.builds(lambda day, hours: day + timedelta(hours=hours), st.sampled_from(DST_DAYS), st.integers(-400, 400)),
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),
)
MANY = st.lists(INSTANTS, max_size=25)


def slice_up(session: Session, start: datetime | None = None) -> list[Span]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "LEAST_ROWS", 1)
        return cut(session.count_days("users", start), start)


def assert_slices_hold_every_row_once(source: Source, many: list[datetime | None], goes_on: int) -> None:
    """Also where a first extraction was interrupted after some of the slices and goes on with new ones."""
    with open_session(source) as session:
        session.check("users")
        spans = slice_up(session)
        parts = [read_all(session, span=span) for span in spans]
        assert sorted(key for part in parts for key in part) == sorted(str(number) for number in range(len(many)))
        done = goes_on % len(spans)
        left = [key for span in slice_up(session, spans[done].start) for key in read_all(session, span=span)]
        assert sorted(left) == sorted(key for part in parts[done:] for key in part)


KINDS = [("timestamptz", "UTC"), ("timestamp", "UTC"), ("timestamp", "Europe/Berlin"), ("date", "Europe/Berlin")]


@pytest.mark.parametrize(("kind", "zone"), KINDS)
def test_the_slices_of_a_table_hold_every_row_once(
    url: str, tmp_path_factory: pytest.TempPathFactory, kind: str, zone: str
) -> None:
    source = mapping_of(tmp_path_factory.mktemp("any") / "mine", Address("postgresql", url), zone, users=USERS)
    with closing(psycopg.connect(url, autocommit=True)) as con:
        con.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        make_people(con, updated_at=kind)

        @settings(max_examples=settings().max_examples // 2)
        @given(MANY, st.integers(0, 30))
        def holds(many: list[datetime | None], goes_on: int) -> None:
            con.execute("TRUNCATE people")
            instants = [each and (each.replace(tzinfo=UTC) if kind == "timestamptz" else each) for each in many]
            con.cursor().executemany("INSERT INTO people (id, updated_at) VALUES (%s, %s)", [*enumerate(instants)])
            assert_slices_hold_every_row_once(source, many, goes_on)

        holds()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_the_slices_of_a_sqlite_table_hold_every_row_once(tmp_path_factory: pytest.TempPathFactory, zone: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    source = mapping_of(folder / "mine", Address("sqlite", str(folder / "any.sqlite")), zone, users=USERS)
    with closing(sqlite3.connect(folder / "any.sqlite")) as con:
        con.execute("CREATE TABLE people (id, role, team, is_active, preferences, created_at, updated_at)")
        odd = st.sampled_from(
            ["", "soon", 1767225600, "2026-03-29T01:30:00Z", "2026-03-29 01:30:00-05:00", "2026-03-29", "9999-12-31"]
        )
        text = INSTANTS.map(lambda each: each and each.isoformat(" "))

        @given(st.lists(text | text | odd, max_size=25), st.integers(0, 30))
        def holds(many: list[Any], goes_on: int) -> None:
            with con:
                con.execute("DELETE FROM people")
                con.executemany("INSERT INTO people (id, updated_at) VALUES (?, ?)", enumerate(many))
            assert_slices_hold_every_row_once(source, many, goes_on)

        holds()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "ours")


@pytest.fixture(scope="module")
def tls_port(postgres: PostgresServer, authority: Authority) -> Iterator[int]:
    with TlsProxy(postgres.port, authority.issue("127.0.0.1")) as proxy:
        yield proxy.port


@pytest.fixture
def over_tls(con: psycopg.Connection, mapped: Mapped, url: str, postgres: PostgresServer, tls_port: int) -> Callable[..., Source]:
    """The source behind the proxy, or at the server's own port, with these parameters of TLS."""
    make_people(con)
    add(con, "u1")

    def source(parameters: str, port: int = tls_port) -> Source:
        return mapped(at=f"{url.replace(f':{postgres.port}/', f':{port}/')}?{parameters}", users=USERS)

    return source


@pytest.mark.parametrize(
    "parameters", ["sslmode=verify-full&sslrootcert={}", "sslmode=verify-ca&sslrootcert={}", "sslmode=require"]
)
def test_reads_over_tls(over_tls: Callable[..., Source], authority: Authority, parameters: str) -> None:
    with open_session(over_tls(parameters.format(authority.path))) as session:
        session.check("users")
        assert read_all(session) == ["u1"]


def test_a_certificate_of_another_authority_is_refused(over_tls: Callable[..., Source], tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    said = said_by(over_tls(f"sslmode=verify-full&sslrootcert={stranger.path}"), read_all)
    assert said.startswith("cannot connect to 127.0.0.1:")
    assert said.endswith("certificate verify failed")


def test_a_certificate_for_another_host_is_refused(
    over_tls: Callable[..., Source], postgres: PostgresServer, authority: Authority
) -> None:
    with TlsProxy(postgres.port, authority.issue("10.0.0.1")) as elsewhere:
        said = said_by(over_tls(f"sslmode=verify-full&sslrootcert={authority.path}", elsewhere.port), read_all)
    assert said.endswith('server certificate for "10.0.0.1" does not match host name "127.0.0.1"')


def test_without_tls_only_the_plain_port_is_reached(over_tls: Callable[..., Source], postgres: PostgresServer) -> None:
    assert "closed the connection" in said_by(over_tls("sslmode=disable"), read_all)
    with open_session(over_tls("sslmode=disable", postgres.port)) as session:
        session.check("users")
        assert read_all(session) == ["u1"]


def test_tls_that_is_required_is_not_done_without(over_tls: Callable[..., Source], postgres: PostgresServer) -> None:
    assert said_by(over_tls("sslmode=require", postgres.port), read_all).endswith(
        "server does not support SSL, but SSL was required"
    )
