"""How far a look at PostgreSQL sees everything: by hand, and with real transactions that hold it back."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from tasks.sources.address import Address
from tasks.sources.database.horizon import Transactions, see_horizon
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Horizon
from tests.postgresql import PostgresServer

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FALLBACK = timedelta(hours=1)
READ_AGAIN = "everything since is read again each time"


def ago(**span: float) -> datetime:
    return NOON - timedelta(**span)


def seen(
    *,
    is_replica: bool = False,
    replayed_at: datetime | None = None,
    hidden: int = 0,
    oldest: datetime | None = None,
    prepared: datetime | None = None,
) -> Transactions:
    return Transactions(NOON, is_replica, replayed_at, hidden, oldest, prepared)


REPLICA = "the source is a replica: the last 1 h is read again each time"


@pytest.mark.parametrize(
    ("transactions", "instant", "said"),
    [
        (seen(), NOON, None),
        (seen(oldest=ago(minutes=5)), ago(minutes=5), None),
        (seen(oldest=NOON + timedelta(seconds=1)), NOON, None),
        (seen(oldest=ago(minutes=15)), ago(minutes=15), None),
        (seen(oldest=ago(minutes=16)), ago(minutes=16), f"a transaction has been open for 16 min: {READ_AGAIN}"),
        (seen(oldest=ago(hours=50)), ago(hours=50), f"a transaction has been open for 2 d 2 h: {READ_AGAIN}"),
        (seen(prepared=ago(minutes=1)), ago(minutes=61), f"a transaction has been open for 1 h 1 min: {READ_AGAIN}"),
        (seen(prepared=ago(minutes=1), oldest=ago(hours=3)), ago(hours=3), f"a transaction has been open for 3 h: {READ_AGAIN}"),
        (seen(prepared=ago(hours=9), oldest=ago(hours=3)), ago(hours=10), f"a transaction has been open for 10 h: {READ_AGAIN}"),
        (seen(is_replica=True), ago(hours=1), REPLICA),
        (seen(is_replica=True, replayed_at=ago(minutes=10)), ago(minutes=70), REPLICA),
        (seen(is_replica=True, replayed_at=NOON + timedelta(minutes=10)), ago(hours=1), REPLICA),
        (seen(is_replica=True, hidden=3, oldest=ago(hours=9)), ago(hours=1), REPLICA),
    ],
    ids=[
        "nothing open",
        "one open",
        "one begun after the clock was read",
        "for just as long as is nothing to say of",
        "for longer",
        "for days",
        "prepared",
        "prepared after an older one began",
        "prepared long ago",
        "replica that has replayed nothing",
        "replica that lags",
        "replica behind a primary whose clock is ahead",
        "replica, whatever else is seen",
    ],
)
def test_the_horizon_is_the_start_of_the_oldest_transaction(
    transactions: Transactions, instant: datetime, said: str | None
) -> None:
    assert see_horizon(transactions, FALLBACK) == Horizon(instant, said)


@pytest.mark.parametrize(("hidden", "sessions"), [(1, "1 session"), (7, "7 sessions")])
def test_where_sessions_are_hidden_the_fallback_says_what_ends_it(hidden: int, sessions: str) -> None:
    said = f"the role may not see {sessions}: the last 1 h is read again each time; GRANT pg_read_all_stats avoids that"
    assert see_horizon(seen(hidden=hidden), FALLBACK) == Horizon(ago(hours=1), said)


def test_hidden_sessions_do_not_bring_the_horizon_nearer_than_the_fallback_is_long() -> None:
    assert see_horizon(seen(hidden=1), timedelta(hours=5)).instant == ago(hours=5)


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.create_database("reading_horizons")


@contextmanager
def client(url: str, **options: Any) -> Iterator[psycopg.Connection]:
    """A connection that has ended its transaction when it is closed: the server takes a while to notice that a client is gone."""
    with closing(psycopg.connect(url, **options)) as connection:
        yield connection
        if not connection.closed:
            connection.rollback()


@pytest.fixture
def con(url: str) -> Iterator[psycopg.Connection]:
    """The only client of the database, to begin with."""
    with client(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS people (id int, updated_at timestamptz)")
        wait_for(connection, f"SELECT 1 WHERE NOT EXISTS (SELECT FROM ({OTHERS}) AS others WHERE backend_type = 'client backend')")
        yield connection


OTHERS = "SELECT * FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def wait_for(con: psycopg.Connection, sql: str) -> Any:
    """The first value that the query yields, as soon as it yields any."""
    patience_ends = time.monotonic() + 30
    while not (found := con.execute(sql).fetchall()):
        assert time.monotonic() < patience_ends, f"waited in vain for {sql}"
        time.sleep(0.02)
    return found[0][0]


@pytest.fixture
def other(url: str) -> Iterator[psycopg.Connection]:
    """Another client, which begins a transaction with its first statement."""
    with client(url) as connection:
        yield connection


@pytest.fixture
def look(url: str, tmp_path: Path):
    """The horizon of a session that begins now."""

    def at(address: str = url) -> Horizon:
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / "users.sql").write_text("SELECT * FROM people")
        source = Source("mine", Address("postgresql", address), str(tmp_path / "mine"), fallback_overlap_seconds=600.0)
        with open_session(source) as session:
            return session.horizon

    return at


def clock(con: psycopg.Connection) -> datetime:
    return con.execute("SELECT clock_timestamp()").fetchall()[0][0]


def begun(con: psycopg.Connection) -> datetime:
    """When the transaction of the other client began; it must have changed nothing for that."""
    return con.execute("SELECT now()").fetchall()[0][0]


def test_where_nothing_is_open_it_is_the_servers_clock(con: psycopg.Connection, look) -> None:
    before = clock(con)
    horizon = look()
    assert before < horizon.instant < clock(con)
    assert horizon.said is None


def test_a_transaction_of_another_session_holds_it_at_its_start(con: psycopg.Connection, other: psycopg.Connection, look) -> None:
    start = begun(other)
    assert look().instant == start, "idle in transaction"
    other.execute("INSERT INTO people VALUES (1, now())")
    assert look().instant == start, "though its first change came later"
    other.execute("SAVEPOINT s")
    assert look().instant == start
    other.rollback()
    assert look().instant > start


def test_a_statement_that_still_runs_holds_it(con: psycopg.Connection, other: psycopg.Connection, look) -> None:
    def run() -> None:
        with suppress(psycopg.errors.QueryCanceled):
            other.execute("SELECT pg_sleep(30)")

    running = Thread(target=run)
    running.start()
    start = wait_for(con, f"SELECT xact_start FROM ({OTHERS}) AS others WHERE state = 'active' AND query LIKE '%pg_sleep%'")
    assert look().instant == start
    con.execute(f"SELECT pg_cancel_backend(pid) FROM ({OTHERS}) AS others WHERE query LIKE '%pg_sleep%'")
    running.join()


def test_the_oldest_of_several_counts(con: psycopg.Connection, other: psycopg.Connection, url: str, look) -> None:
    start = begun(other)
    with client(url) as later:
        begun(later)
        assert look().instant == start


@pytest.fixture
def prepare(postgres: PostgresServer) -> Iterator:
    """Leaves a prepared transaction in a database."""
    left = []

    def prepare_in(database: str) -> datetime:
        with closing(postgres.connect(database)) as con:
            con.execute("CREATE TABLE IF NOT EXISTS people (id int, updated_at timestamptz)")
            con.execute("BEGIN; INSERT INTO people VALUES (1, now()); PREPARE TRANSACTION 'left'")
            left.append(database)
            return con.execute("SELECT prepared FROM pg_prepared_xacts WHERE gid = 'left'").fetchall()[0][0]

    yield prepare_in
    for database in left:
        with closing(postgres.connect(database)) as con:
            con.execute("ROLLBACK PREPARED 'left'")


def test_a_prepared_transaction_holds_it_back_by_the_fallback(prepare, look) -> None:
    """PostgreSQL says when it was prepared, not when it began."""
    prepared = prepare("reading_horizons")
    assert look().instant == prepared - timedelta(minutes=10)


@pytest.fixture
def elsewhere(postgres: PostgresServer) -> str:
    postgres.create_database("reading_horizons_elsewhere")
    return "reading_horizons_elsewhere"


def test_transactions_in_another_database_of_the_server_do_not_hold_it(
    con: psycopg.Connection, postgres: PostgresServer, elsewhere: str, prepare, look
) -> None:
    with client(postgres.url(elsewhere)) as away:
        start = begun(away)
        prepare(elsewhere)
        before = clock(con)
        assert start < before < look().instant


@pytest.fixture
def autovacuum(con: psycopg.Connection) -> Iterator[datetime]:
    """Autovacuum at work on a table of the database, slowly; when its transaction began."""
    slowly = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 1"
    con.execute(f"CREATE TABLE waste (id int) WITH ({slowly})")
    con.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    con.execute("SELECT pg_reload_conf()")
    con.execute("INSERT INTO waste SELECT generate_series(1, 100000)")
    con.execute("DELETE FROM waste")
    at_work = f"SELECT xact_start FROM ({OTHERS}) AS others WHERE backend_type = 'autovacuum worker' AND query LIKE '%waste%'"
    yield wait_for(con, at_work)
    assert con.execute(at_work).fetchall(), "it was over too soon"
    con.execute("ALTER SYSTEM RESET autovacuum_naptime")
    con.execute("SELECT pg_reload_conf()")
    con.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({OTHERS}) AS others WHERE backend_type = 'autovacuum worker'")
    con.execute("DROP TABLE waste")


@pytest.fixture
def as_reader(con: psycopg.Connection, url: str) -> Iterator[str]:
    """The URL of a role without any privilege beyond reading."""
    con.execute("CREATE ROLE horizon_reader LOGIN; GRANT SELECT ON people TO horizon_reader")
    yield url.replace("postgres@", "horizon_reader@")
    with client(url, autocommit=True) as again:
        again.execute("DROP OWNED BY horizon_reader; DROP ROLE horizon_reader")


def test_a_role_that_may_not_see_others_falls_back_until_it_is_granted(
    con: psycopg.Connection, other: psycopg.Connection, as_reader: str, look
) -> None:
    start, before = begun(other), clock(con)
    horizon = look(as_reader)
    assert before - timedelta(minutes=10) < horizon.instant < clock(con) - timedelta(minutes=10)
    assert horizon.said.startswith("the role may not see 2 sessions: the last 10 min is read again each time; GRANT")
    con.execute("GRANT pg_read_all_stats TO horizon_reader")
    assert look(as_reader) == Horizon(start)


def test_a_role_whose_own_sessions_are_the_only_ones_needs_no_grant(con: psycopg.Connection, as_reader: str, look) -> None:
    con.close()
    with client(as_reader) as own:
        wait_for(own, f"SELECT 1 WHERE NOT EXISTS (SELECT FROM ({OTHERS}) AS others WHERE usename = 'postgres')")
        own.rollback()
        start = begun(own)
        assert look(as_reader) == Horizon(start)


def test_autovacuum_neither_holds_it_nor_counts_as_hidden(
    con: psycopg.Connection, autovacuum: datetime, as_reader: str, look
) -> None:
    before = clock(con)
    horizon = look()
    assert autovacuum < before < horizon.instant
    assert horizon.said is None
    assert look(as_reader).said.startswith("the role may not see 1 session: "), "which is the test's own"


def test_a_session_that_does_not_track_what_it_does_is_a_hidden_one(con: psycopg.Connection, url: str, look) -> None:
    with client(url, options="-c track_activities=off") as untracked:
        begun(untracked)
        assert look().said.startswith("the role may not see 1 session: ")
