"""The connection to a MySQL or MariaDB database: how it is set up, how far it sees, what its errors say."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pymysql
from pymysql.cursors import SSCursor

from storage.errors import GovpulseError, first_line
from storage.sql_files import sql_beside
from tasks.sources.address import Address
from tasks.sources.database.horizon import Transactions, see_horizon
from tasks.sources.database.mysql_address import arguments_of
from tasks.sources.database.session import Horizon
from tasks.wording import duration

FAILURES = (pymysql.Error, OSError, RuntimeError)
"""What the driver raises; the last where it lacks what an authentication needs."""
NOT_ALLOWED = 1227
FAULTS_OF_ROWS = {1139, 1242, 1367, 1690, 3685, 3692, 3699, *range(3140, 3159)}
"""The codes with which a statement dies of one row: a pattern that is none, a subquery with several rows, a number that is none or
out of range, a pattern that is too costly, a document that is no JSON. All others have other causes."""
SLACK = timedelta(seconds=1)
"""Transactions show the second in which they began, and the server may show those of a tenth of a second ago."""
ANSWER_SECONDS = 60
"""How long after its own limit a server that says nothing is taken for lost."""
LARGEST_TEXT = 2**24
"""MySQL cuts what GROUP_CONCAT makes off at 1,024 bytes, with a warning that nobody sees."""


def connect(address: Address, statement_seconds: float) -> Any:
    """A connection to the database. Its values are the bytes of the server's own texts, in UTF-8.

    Raises:
        ConfigurationError: the URL is none.
        GovpulseError: it cannot be reached.
    """
    arguments = arguments_of(address)
    try:
        return pymysql.connect(
            **arguments,
            autocommit=True,
            charset="utf8mb4",
            conv={},
            cursorclass=SSCursor,
            program_name="govpulse",
            read_timeout=statement_seconds + ANSWER_SECONDS,
            use_unicode=False,
        )
    except FAILURES as error:
        said = explain(address, error)
    # Outside of the handler, because the driver's exception may repeat what it was told and would go along as this one's context.
    raise GovpulseError(f"cannot connect to {address}: {said}")


def begin_snapshot(address: Address, connection: Any, limits: Mapping[str, float], fallback: timedelta) -> Horizon:
    """Read the horizon, then begin the snapshot: what commits in between is read, and read again later.

    Args:
        limits: `statement` and `lock`, how long one of ours may take, and wait for a table that is being changed, in seconds.

    Raises:
        GovpulseError: the database did not let us.
    """
    try:
        for setting in _settings(connection, limits):
            execute(connection, f"SET SESSION {setting}")
        execute(connection, "SET SESSION time_zone = 'SYSTEM'")
        horizon = _horizon(connection, fallback)
        execute(connection, "SET SESSION time_zone = '+00:00'")
        execute(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    except FAILURES as error:
        raise GovpulseError(f"cannot read {address}: {explain(address, error)}") from error
    return horizon


def execute(connection: Any, sql: str) -> list[tuple[bytes | None, ...]]:
    """What a small statement yields. Without arguments, in which the driver would look for `%`."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def is_fault_of_row(error: Exception) -> bool:
    """Whether the statement died of what stands in a row."""
    return isinstance(error, pymysql.Error) and bool(error.args) and error.args[0] in FAULTS_OF_ROWS


def explain(address: Address, error: Exception) -> str:
    """What the server said, in one line and without secrets."""
    if isinstance(error, pymysql.InterfaceError):
        return "the connection is lost"
    said = error.args[1] if isinstance(error, pymysql.Error) and len(error.args) > 1 else error
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return address.without_secrets(first_line(Exception(text.strip() or "no message")))


def _settings(connection: Any, limits: Mapping[str, float]) -> tuple[str, ...]:
    seconds, lock = limits["statement"], max(1, int(limits["lock"]))
    is_mariadb = "MariaDB" in connection.get_server_info()
    return (
        f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {int(seconds * 1000)}",
        f"lock_wait_timeout = {lock}",
        # A server cuts off who pauses for a minute while it sends; we do so while we write.
        f"net_write_timeout = {max(ANSWER_SECONDS, int(seconds))}",
        f"group_concat_max_len = {LARGEST_TEXT}",
        "sql_select_limit = 18446744073709551615",
        "transaction_isolation = 'REPEATABLE-READ'" if not is_mariadb else "tx_isolation = 'REPEATABLE-READ'",
    )


def _horizon(connection: Any, fallback: timedelta) -> Horizon:
    try:
        clock, is_replica, *begun = execute(connection, sql_beside(__file__, "horizon.mysql"))[0]
    except pymysql.Error as error:
        if error.args[0] != NOT_ALLOWED:
            raise
        ((clock,),) = execute(connection, sql_beside(__file__, "clock.mysql"))
        again = f"the last {duration(fallback.total_seconds())} is read again each time"
        said = f"the account may not see the transactions of others: {again}; GRANT PROCESS avoids that"
        return Horizon(_instant(clock) - fallback, said)
    oldest = min(_instant(cell) for cell in (clock, *begun) if cell is not None)
    return see_horizon(Transactions(_instant(clock) - SLACK, is_replica == b"1", None, 0, oldest - SLACK, None), fallback)


def _instant(cell: bytes | None) -> datetime:
    """Of a count of seconds since 1970."""
    return datetime.fromtimestamp(float(cell or b"nan"), UTC)
