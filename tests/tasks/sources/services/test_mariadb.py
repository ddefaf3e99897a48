"""Reading MySQL: a real MariaDB whose system is not in UTC, hand-made tables, and mappings of the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.home import Home
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources import slices
from tasks.sources.address import Address
from tasks.sources.database.mysql_connection import execute
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, Span
from tasks.sources.examination import examine
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.progress import SourceProgress, read_progress
from tasks.sources.reconciliation import reconcile_datasets
from tests.homes import migrated_home
from tests.mariadb import MariadbServer
from tests.tls_proxy import Authority

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)
USERS = "SELECT id AS user_id, role, team, is_active, preferences, created_at, updated_at FROM people"
PEOPLE = """
CREATE TABLE people (
    id {key}, role varchar(50), team varchar(50), is_active {active}, preferences json, created_at {created}, updated_at {updated}
)
"""
pytestmark = pytest.mark.services
NOON = "2026-07-01 12:00:00"
Look = Callable[[Session], Any]


def people(key: str = "varchar(50)", active: str = "boolean", created: str = "datetime(6)", updated: str = "datetime(6)") -> str:
    return PEOPLE.format(key=key, active=active, created=created, updated=updated)


def mine(url: str, folder: Path, zone: str = "UTC", **selects: str) -> Source:
    folder.mkdir(exist_ok=True)
    for dataset, select in selects.items():
        (folder / f"{dataset}.sql").write_text(select)
    (folder / "mapping.toml").write_text("[timezones]\n" + "".join(f'{dataset} = "server"\n' for dataset in selects))
    return Source("mine", Address("mysql", url), str(folder), zone, statement_timeout_seconds=60.0)


def standing(home: Home, source: Source) -> SourceProgress:
    return read_progress.fn(str(home.root), limits=LIMITS, source=source.name)


def take(home: Home, source: Source, extracted_at: datetime = NOW) -> Extraction:
    """Extract what is new and load it."""
    extraction = extract_datasets.fn(
        str(home.root),
        source=source,
        so_far=standing(home, source),
        overlap_seconds=300.0,
        extracted_at=extracted_at,
        report=lambda pace: None,
    )
    with warehouse(home, LIMITS) as con:
        load_landing(con, home)
    return extraction


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with warehouse(home, LIMITS) as con:
        return fetch(con, sql).rows()


def in_session(source: Source, look: Look) -> Any:
    with open_session(source) as session:
        return look(session)


def keys_of(source: Source, look: Look) -> list[str]:
    return in_session(source, lambda session: [key for table in look(session) for key in table["user_id"].to_pylist()])


@pytest.fixture
def ready(tmp_path: Path) -> Home:
    return migrated_home(tmp_path / "home")


CELLS = [
    ("varchar(20)", "'Zoë 🦆 ''\\\\x'", "Zoë 🦆 '\\x"),
    ("varchar(20) CHARACTER SET latin1", "'Zoë'", "Zoë"),
    ("char(5)", "'ab'", "ab"),
    ("longtext", "repeat('ü', 70000)", "ü" * 70_000),
    ("enum('a', 'b')", "'b'", "b"),
    ("set('a', 'b')", "'a,b'", "a,b"),
    ("json", "'{\"a\": 1}'", '{"a": 1}'),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("tinyint", "-128", "-128"),
    ("int(5) zerofill", "42", "00042"),
    ("decimal(40, 10)", "123456789012345678901234567890.0123456789", "123456789012345678901234567890.0123456789"),
    ("decimal(10, 2)", "7", "7"),
    ("decimal(10, 2)", "-0.5", "-0.50"),
    ("float", "16777215", "16777215"),
    ("double", "0.1", "0.1"),
    ("double", "7", "7"),
    ("bit(1)", "b'1'", "1"),
    ("bit(64)", "b'1111'", "15"),
    ("year", "2026", "2026"),
    ("time", "'-838:59:59'", "-838:59:59"),
    ("date", "'2026-02-28'", "2026-02-28"),
    ("datetime(3)", "'2026-02-28 10:00:00.123'", "2026-02-28 10:00:00.123"),
    ("varbinary(10)", "'plain'", "plain"),
    ("uuid", "'6ccd780c-baba-1026-9564-5b8c656024db'", "6ccd780c-baba-1026-9564-5b8c656024db"),
]


@pytest.mark.parametrize(("kind", "value", "said"), CELLS, ids=[f"{kind} {value[:12]}" for kind, value, _ in CELLS])
def test_a_value_of_any_type_comes_as_the_text_that_says_it(mariadb: MariadbServer, tmp_path: Path, kind, value, said) -> None:
    made = (people(), f"CREATE TABLE things (thing {kind})", f"INSERT INTO things VALUES ({value}), (NULL)")
    url = mariadb.create_database("cells", *made)
    select = USERS.replace("team,", "thing AS team,").replace("FROM people", "FROM things LEFT JOIN people ON true")
    source = mine(url, tmp_path / "mine", users=select.replace("id AS user_id", "coalesce(thing, 'none') AS user_id"))
    tables = in_session(source, lambda session: list(session.read_all("users")))
    assert [cell for table in tables for cell in table["team"].to_pylist()] == [said, None]


def test_bytes_that_are_no_text_cost_their_row(mariadb: MariadbServer, ready: Home, tmp_path: Path) -> None:
    add = f"INSERT INTO people (id, role, updated_at) VALUES (X'ff00', 'analyst', '{NOON}'), ('good', 'analyst', '{NOON}')"
    url = mariadb.create_database("bytes_", people(key="varbinary(8)"), add)
    take(ready, mine(url, tmp_path / "mine", users=USERS))
    assert rows(ready, "SELECT user_id FROM raw.users") == [("good",)]
    assert rows(ready, "SELECT reason FROM ops.rejected_rows") == [("user_id is not valid UTF-8",)]


def test_days_that_are_none_cost_their_row_and_the_reason_says_what_to_do(
    mariadb: MariadbServer, ready: Home, tmp_path: Path
) -> None:
    add = f"""INSERT INTO people (id, role, created_at, updated_at) VALUES
        ('zero', 'analyst', '0000-00-00', '{NOON}'), ('never', 'analyst', '2026-02-00', '{NOON}'),
        ('good', 'analyst', NULL, '{NOON}'), ('unchanged', 'analyst', NULL, '0000-00-00')"""
    url = mariadb.create_database("zeros", "SET sql_mode = ''", people(), add)
    take(ready, mine(url, tmp_path / "mine", users=USERS))
    assert rows(ready, "SELECT user_id FROM raw.users") == [("good",)]
    reasons = dict(rows(ready, "SELECT key, reason FROM ops.rejected_rows"))
    assert set(reasons) == {"zero", "never", "unchanged"}
    assert "is what MySQL writes for nothing: make it NULL in the mapping" in reasons["zero"]


@pytest.mark.parametrize("active", ["boolean", "bit(1)", "int", "varchar(5)"])
def test_a_boolean_may_be_a_number_a_bit_or_a_word(mariadb: MariadbServer, ready: Home, tmp_path: Path, active: str) -> None:
    add = f"INSERT INTO people (id, role, is_active, updated_at) VALUES ('a', 'x', 1, '{NOON}'), ('b', 'x', 0, '{NOON}')"
    source = mine(mariadb.create_database("booleans", people(active=active), add), tmp_path / "mine", users=USERS)
    assert in_session(source, lambda session: examine(session, source.load_mapping(), "users", NOW)).problems == ()
    take(ready, source)
    assert rows(ready, "SELECT user_id, is_active FROM raw.users ORDER BY 1") == [("a", True), ("b", False)]


def test_a_timestamp_is_an_instant_and_a_datetime_is_one_of_the_declared_zone(
    mariadb: MariadbServer, ready: Home, tmp_path: Path
) -> None:
    made = people(created="timestamp(3) NULL")
    add = (
        "INSERT INTO people (id, role, created_at, updated_at) VALUES ('a', 'x', '2026-07-01 12:00:00.5', '2026-07-01 12:00:00.5')"
    )
    url = mariadb.create_database("instants_", made, "SET time_zone = '+05:00'", add)
    take(ready, mine(url, tmp_path / "mine", "Europe/Berlin", users=USERS))
    (found,) = rows(ready, "SELECT epoch_ms(created_at), epoch_ms(updated_at) FROM raw.users")
    assert found == tuple(
        int(datetime(2026, 7, 1, hour, tzinfo=UTC).timestamp() * 1000) + 500
        for hour in (7, 10)  # 12 at +05:00, 12 in Berlin
    )


@pytest.mark.parametrize("updated", ["datetime(6)", "timestamp(6) NULL", "date"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_slices_of_time_cover_every_row_once(
    mariadb: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updated: str, zone: str
) -> None:
    monkeypatch.setattr(slices, "LEAST_ROWS", 10)
    values = ", ".join(f"('{day:02}-{row}', 'x', '2026-06-{day:02} {row * 4:02}:30')" for day in range(1, 29) for row in range(6))
    add = f"INSERT INTO people (id, role, updated_at) VALUES {values}, ('none', 'x', NULL)"
    source = mine(mariadb.create_database("slices", people(updated=updated), add), tmp_path / "mine", zone, users=USERS)

    def look(session: Session) -> Any:
        days = session.count_days("users", None)
        assert sum(day.rows for day in days) == 28 * 6
        spans = slices.cut(days)
        assert len(spans) > 5
        return (table for span in spans for table in session.read_changed("users", span))

    found = keys_of(source, look)
    assert len(found) == len(set(found)) == 28 * 6 + 1


def test_a_read_since_an_instant_reads_what_changed_then_and_what_has_no_instant(mariadb: MariadbServer, tmp_path: Path) -> None:
    add = """INSERT INTO people (id, role, updated_at) VALUES
        ('before', 'x', '2026-07-01 11:59:59'), ('then', 'x', '2026-07-01 12:00'), ('none', 'x', NULL)"""
    source = mine(mariadb.create_database("since", people(), add), tmp_path / "mine", users=USERS)
    found = keys_of(source, lambda session: session.read_changed("users", Span(datetime(2026, 7, 1, 12, tzinfo=UTC))))
    assert sorted(found) == ["none", "then"]


ALIKE = ["a", "A", "á", "a ", "7", "'; --", "\\", "%s", "🦆"]


def test_keys_are_told_apart_exactly_where_the_collation_takes_them_for_one(mariadb: MariadbServer, tmp_path: Path) -> None:
    values = ", ".join(f"(CAST(X'{key.encode().hex()}' AS CHAR CHARACTER SET utf8mb4), 'x', '{NOON}')" for key in ALIKE)
    add = f"INSERT INTO people (id, role, updated_at) VALUES {values}"
    source = mine(mariadb.create_database("alike", people(), add), tmp_path / "mine", users=USERS)
    for key in ALIKE:
        assert keys_of(source, lambda session, key=key: session.read_keys("users", [key])) == [key]
    assert sorted(keys_of(source, lambda session: session.read_keys("users", ALIKE))) == sorted(ALIKE)


@pytest.mark.parametrize("key", ["id", "concat(id, other)", "CASE WHEN id = 'z' THEN id ELSE other END"])
def test_keys_of_another_character_set_or_of_two_collations_are_found(mariadb: MariadbServer, tmp_path: Path, key: str) -> None:
    """MySQL refuses to compare them with a text that their character set lacks, or with any."""
    made = people(key="varchar(50) CHARACTER SET latin1, other varchar(50) CHARACTER SET latin1 COLLATE latin1_german1_ci")
    add = f"INSERT INTO people (id, other, role, updated_at) VALUES ('é', 'é', 'x', '{NOON}'), ('a', 'a', 'x', '{NOON}')"
    url = mariadb.create_database("charsets", made, add)
    source = mine(url, tmp_path / "mine", users=USERS.replace("id AS", f"{key} AS"))
    there = keys_of(source, lambda session: session.read_all("users"))
    assert len(there) == 2
    assert sorted(keys_of(source, lambda session: session.read_keys("users", [*there, "Ω", "🦆"]))) == sorted(there)


def test_large_numbers_are_told_apart_and_what_is_no_number_is_in_no_row(mariadb: MariadbServer, tmp_path: Path) -> None:
    numbers = ["9007199254740992", "9007199254740993", "18446744073709551615", "0"]
    values = ", ".join(f"({number}, 'x', '{NOON}')" for number in numbers)
    add = f"INSERT INTO people (id, role, updated_at) VALUES {values}"
    source = mine(mariadb.create_database("numbers", people(key="bigint unsigned"), add), tmp_path / "mine", users=USERS)
    for number in numbers:
        assert keys_of(source, lambda session, key=number: session.read_keys("users", [key, "word", ""])) == [number]


def test_looking_up_keys_uses_the_index(mariadb: MariadbServer, tmp_path: Path) -> None:
    values = ", ".join(f"('{number:05}', 'x', '{NOON}')" for number in range(5_000))
    made = (people(key="varchar(50) PRIMARY KEY"), f"INSERT INTO people (id, role, updated_at) VALUES {values}")
    source = mine(mariadb.create_database("indexed", *made), tmp_path / "mine", users=USERS)

    def look(session: Any) -> int:
        list(session.read_keys("users", ["00007"]))
        execute(session.connection, "FLUSH STATUS")
        list(session.read_keys("users", ["00007", "00008"]))
        read = execute(session.connection, "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'")
        return int(read[0][1])

    assert in_session(source, look) < 100


def test_a_row_that_the_database_cannot_read_costs_that_row(mariadb: MariadbServer, ready: Home, tmp_path: Path) -> None:
    values = ", ".join(f"('{number:05}', 'x', '{NOON}')" for number in range(10_000))
    select = USERS.replace("team,", "CAST(CAST(0 AS unsigned) - (id = '07000') AS CHAR) AS team,")
    made = (people(), f"INSERT INTO people (id, role, updated_at) VALUES {values}")
    take(ready, mine(mariadb.create_database("unreadable", *made), tmp_path / "mine", users=select))
    assert rows(ready, "SELECT count(*) FROM raw.users") == [(9_999,)]
    ((key, reason),) = rows(ready, "SELECT key, reason FROM ops.rejected_rows")
    assert key == "07000"
    assert reason.startswith("the database cannot read this row: BIGINT UNSIGNED value is out of range")


def test_reconciling_finds_deleted_and_backdated_rows(mariadb: MariadbServer, ready: Home, tmp_path: Path) -> None:
    values = ", ".join(f"('{number}', 'x', '{NOON}')" for number in range(50))
    url = mariadb.create_database("reconciled", people(), f"INSERT INTO people (id, role, updated_at) VALUES {values}")
    source = mine(url, tmp_path / "mine", users=USERS)
    take(ready, source)
    back = "INSERT INTO people (id, role, updated_at) VALUES ('back', 'x', '2026-01-01')"
    mariadb.run("DELETE FROM people WHERE id = '7'", back, database="reconciled")
    found = reconcile_datasets.fn(
        str(ready.root),
        limits=LIMITS,
        source=source,
        so_far=standing(ready, source),
        most_deleted_ratio=0.5,
        listed_at=NOW + timedelta(hours=1),
    )
    with warehouse(ready, LIMITS) as con:
        load_landing(con, ready)
    (drift,) = found.drifts
    assert (drift.source_rows, drift.missing, drift.stale, drift.deleted) == (50, 1, 0, 1)
    assert rows(ready, "SELECT user_id FROM raw.users WHERE is_deleted") == [("7",)]
    assert rows(ready, "SELECT count(*) FROM raw.users WHERE user_id = 'back' AND NOT is_deleted") == [(1,)]


def test_a_snapshot_shows_all_datasets_as_of_one_instant(mariadb: MariadbServer, tmp_path: Path) -> None:
    add = f"INSERT INTO people (id, role, updated_at) VALUES ('before', 'x', '{NOON}')"
    source = mine(mariadb.create_database("snapshot", people(), add), tmp_path / "mine", users=USERS)

    def look(session: Session) -> Any:
        mariadb.run(add.replace("before", "after"), database="snapshot")
        return session.read_all("users")

    assert keys_of(source, look) == ["before"]


@pytest.mark.parametrize(
    ("select", "said"),
    [
        (USERS.replace("role,", ""), "does not yield role"),
        (USERS.replace("people", "nowhere"), "does not fit 127.0.0.1"),
        (USERS.replace("team,", "team, team,"), "Duplicate column name 'team'"),
        (USERS.replace(", updated_at", ", '2026-07-01' AS updated_at"), "updated_at is of type varchar; make it a datetime"),
    ],
)
def test_a_mapping_that_does_not_fit_is_said_in_one_line(mariadb: MariadbServer, tmp_path: Path, select: str, said: str) -> None:
    source = mine(mariadb.create_database("unfit", people()), tmp_path / "mine", users=select)
    with pytest.raises(GovpulseError) as caught:
        in_session(source, lambda session: session.check("users"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_types_that_cannot_become_the_contracts_are_problems(mariadb: MariadbServer, tmp_path: Path) -> None:
    source = mine(mariadb.create_database("mistyped", people(created="time")), tmp_path / "mine", users=USERS)
    found = in_session(source, lambda session: examine(session, source.load_mapping(), "users", NOW))
    assert found.problems == ("created_at is of type time, which cannot become TIMESTAMPTZ",)


def test_what_a_person_wrote_into_a_select_means_what_mysql_says(mariadb: MariadbServer, tmp_path: Path) -> None:
    """A per cent sign, a semicolon and a comment at the end, a text cut off by the server's default, `$since` beside its likes."""
    select = """
    SELECT concat(id, '%s') AS user_id, 'a\\'$since' AS role, -- $since it is's
        (SELECT group_concat(repeat('x', 100)) FROM people AS p) AS team, # $since it's
        is_active, preferences, created_at, updated_at
    FROM people WHERE updated_at >= $since;
    """
    values = ", ".join(f"('{number}', 'x', '{NOON}')" for number in range(50))
    url = mariadb.create_database("written", people(), f"INSERT INTO people (id, role, updated_at) VALUES {values}")
    mariadb.run("SET GLOBAL group_concat_max_len = 1024")
    source = mine(url, tmp_path / "mine", users=select)
    table = in_session(source, lambda session: next(session.read_all("users")))
    assert table.num_rows == 50
    assert table["user_id"].to_pylist()[0].endswith("%s")
    assert table["role"].to_pylist()[0] == "a'$since"
    assert len(table["team"].to_pylist()[0]) == 50 * 101 - 1


def test_a_statement_that_takes_too_long_is_ended_by_the_server(mariadb: MariadbServer, tmp_path: Path) -> None:
    source = mine(mariadb.create_database("long_", people()), tmp_path / "mine", users=USERS)
    slow = USERS.replace("team,", "sleep(5) AS team,")
    mariadb.run(f"INSERT INTO people (id, role, updated_at) VALUES ('a', 'x', '{NOON}')", database="long_")
    (tmp_path / "mine" / "users.sql").write_text(slow)
    with pytest.raises(GovpulseError, match=r"cannot read users from .*max_statement_time"):
        keys_of(replace(source, statement_timeout_seconds=0.5), lambda session: session.read_all("users"))


def test_who_stops_reading_early_leaves_no_statement_behind(mariadb: MariadbServer, tmp_path: Path) -> None:
    values = ", ".join(f"('{number:06}', 'x', '{NOON}')" for number in range(50_000))
    made = (people(), f"INSERT INTO people (id, role, updated_at) VALUES {values}")
    source = mine(mariadb.create_database("early", *made), tmp_path / "mine", users=USERS)

    def look(session: Any) -> None:
        tables = session._stream("users", f"SELECT id FROM ({USERS.replace(' AS user_id', '')}) AS m", 10)
        next(tables)
        tables.close()
        with pytest.raises(GovpulseError, match="the connection is lost"):
            list(session.read_all("users"))

    in_session(source, look)


EPOCH = """
SELECT id AS user_id, role, team, is_active, preferences, created_at,
    CAST(from_unixtime(changed DIV 1000) AS datetime(6)) AS updated_at
FROM moved
WHERE changed >= timestampdiff(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', $since) DIV 1000
"""


def test_since_in_milliseconds_leaves_nothing_out_and_uses_the_index(mariadb: MariadbServer, tmp_path: Path) -> None:
    """As the page on mapping has it, on what a platform has that counts milliseconds."""
    page = (Path(__file__).parents[4] / "docs" / "mapping-your-platform.md").read_text()
    assert "timestampdiff(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', $since) DIV 1000" in page
    moved = people().replace("updated_at datetime(6)", "changed bigint NOT NULL, KEY changed (changed)").replace("people", "moved")
    start = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1000
    values = ", ".join(f"('{number}', 'x', {start + number * 60_000})" for number in range(5_000))
    url = mariadb.create_database("epochs", moved, f"INSERT INTO moved (id, role, changed) VALUES {values}, ('old', 'x', -5000)")
    source = mine(url, tmp_path / "mine", users=EPOCH)
    assert len(keys_of(source, lambda session: session.read_all("users"))) == 5_001
    late = Span(datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=4_990))

    def look(session: Any) -> tuple[list[str], int]:
        session.check("users")
        execute(session.connection, "FLUSH STATUS")
        found = [key for table in session.read_changed("users", late) for key in table["user_id"].to_pylist()]
        return found, sum(int(row[1]) for row in execute(session.connection, "SHOW SESSION STATUS LIKE 'Handler_read_%'"))

    found, touched = in_session(source, look)
    assert sorted(found) == [str(number) for number in range(4_990, 5_000)]
    assert touched < 100


def test_a_zero_day_may_be_made_null_as_the_page_says(mariadb: MariadbServer, ready: Home, tmp_path: Path) -> None:
    add = f"INSERT INTO people (id, role, created_at, updated_at) VALUES ('a', 'x', '0000-00-00', '{NOON}')"
    url = mariadb.create_database("zeros", "SET sql_mode = ''", people(), add)
    select = USERS.replace("created_at", "CASE WHEN year(created_at) > 0 THEN created_at END AS created_at")
    take(ready, mine(url, tmp_path / "mine", users=select))
    assert rows(ready, "SELECT user_id, created_at FROM raw.users") == [("a", None)]


def test_owners_are_read_whole_and_who_is_gone_is_marked(mariadb: MariadbServer, ready: Home, tmp_path: Path) -> None:
    made = ("CREATE TABLE owned (domain varchar(20), user_id int)", "INSERT INTO owned VALUES ('a', 1), ('b', 2), ('c', 3)")
    source = mine(mariadb.create_database("owners_", *made), tmp_path / "mine", owners="SELECT domain, user_id FROM owned")
    take(ready, source)
    mariadb.run("DELETE FROM owned WHERE domain = 'a'", database="owners_")
    take(ready, source, NOW + timedelta(hours=1))
    assert rows(ready, "SELECT domain, user_id, is_deleted FROM raw.owners ORDER BY 1") == [
        ("a", "1", True),
        ("b", "2", False),
        ("c", "3", False),
    ]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def encrypted(authority: Authority) -> Iterator[MariadbServer]:
    pair = authority.issue("127.0.0.1")
    server = MariadbServer(f"ssl-cert={pair}", f"ssl-key={pair}")
    server.create_database("secret", people())
    server.run("CREATE USER tls@'127.0.0.1' IDENTIFIED BY 'p@ss/w%rd' REQUIRE SSL", "GRANT SELECT ON secret.* TO tls@'127.0.0.1'")
    yield server
    server.remove()


def test_tls_of_every_mode(encrypted: MariadbServer, authority: Authority, tmp_path: Path) -> None:
    url = encrypted.url("secret", "tls", "p%40ss%2Fw%25rd")
    for parameters in ("", "?ssl_mode=required", f"?ssl_ca={authority.path}", f"?ssl_mode=verify_identity&ssl_ca={authority.path}"):
        source = mine(url + parameters, tmp_path / "mine", users=USERS)
        (((_, cipher),),) = [in_session(source, lambda session: execute(session.connection, "SHOW STATUS LIKE 'Ssl_cipher'"))]
        assert cipher


def test_a_server_of_another_authority_or_none_is_refused(encrypted: MariadbServer, mariadb: MariadbServer, tmp_path: Path) -> None:
    other = Authority(tmp_path, "another")
    url = encrypted.url("secret", "tls", "p%40ss%2Fw%25rd")
    refused = {
        f"{url}?ssl_ca={other.path}": "certificate verify failed",
        f"{url}?ssl_mode=disabled": "Access denied for user 'tls'",
        f"{mariadb.url('mysql')}?ssl_mode=required": "SSL",
        url.replace("p%40ss", "wrong"): "Access denied for user 'tls'",
    }
    for address, said in refused.items():
        source = mine(address, tmp_path / "mine", users=USERS)
        with pytest.raises(GovpulseError, match=said) as caught:
            in_session(source, lambda session: None)
        assert str(caught.value).startswith("cannot connect to 127.0.0.1:")
        assert "ss/w" not in str(caught.value)
        assert caught.value.__context__ is None
