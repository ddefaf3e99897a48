"""The connection to a PostgreSQL database: how it is set up, how far it sees, what its errors say."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import adbc_driver_postgresql.dbapi as postgresql
from adbc_driver_manager import Error as AdbcError

from storage.errors import GovpulseError
from storage.sql_files import sql_beside
from tasks.sources.address import Address
from tasks.sources.database.horizon import Transactions, see_horizon
from tasks.sources.database.session import Horizon

FAULTS_OF_ROWS = ("21", "22", "54", "XX001")
"""How the SQLSTATEs begin with which a statement dies of one row: a subquery with several rows, a value that is none of its type,
one that is too long or too deep, one that is damaged on disk. All others have other causes."""


def connect(address: Address) -> Any:
    """A connection to the database.

    Raises:
        GovpulseError: it cannot be reached.
    """
    try:
        return postgresql.connect(address.url, autocommit=True)
    except AdbcError as error:
        said = explain(address, error)
    # Outside of the handler, because the driver's exception repeats parts of the URL and would go along as this one's context.
    raise GovpulseError(f"cannot connect to {address}: {said}")


def begin_snapshot(address: Address, cursor: Any, limits: Mapping[str, float], fallback: timedelta) -> Horizon:
    """Read the horizon, then begin the snapshot: what commits in between is read, and read again later.

    What is set holds within the transaction only: a pooler may give the next one another server, and this one to somebody else.

    Raises:
        GovpulseError: the database did not let us.
    """
    try:
        _begin(cursor, "READ COMMITTED", limits)
        cursor.execute(sql_beside(__file__, "horizon.postgresql"))
        horizon = see_horizon(Transactions(**cursor.fetch_arrow_table().to_pylist()[0]), fallback)
        cursor.execute("COMMIT")
        _begin(cursor, "REPEATABLE READ", limits)
    except AdbcError as error:
        raise GovpulseError(f"cannot read {address}: {explain(address, error)}") from error
    return horizon


def _begin(cursor: Any, isolation: str, limits: Mapping[str, float]) -> None:
    cursor.execute(f"BEGIN TRANSACTION ISOLATION LEVEL {isolation} READ ONLY")
    for setting in (
        "application_name = 'govpulse'",
        "client_encoding = 'UTF8'",
        "standard_conforming_strings = on",
        # So that two passes over a table go the same way; otherwise one begins where the last one was left.
        "synchronize_seqscans = off",
        *(f"{name} = {int(seconds * 1000)}" for name, seconds in limits.items()),
    ):
        cursor.execute(f"SET LOCAL {setting}")


def is_fault_of_row(error: Exception) -> bool:
    """Whether the statement died of what stands in a row."""
    return isinstance(error, AdbcError) and (error.sqlstate or "").startswith(FAULTS_OF_ROWS)


def explain(address: Address, error: Exception) -> str:
    """What PostgreSQL said, in one line and without secrets."""
    details = dict(error.details) if isinstance(error, AdbcError) else {}
    text = details.get("PG_DIAG_MESSAGE_PRIMARY", b"").decode(errors="replace") or str(error)
    for prefix in ("ERROR:  ", "FATAL:  ", "[libpq] "):
        text = text.rpartition(prefix)[2]
    return address.without_secrets((text.strip() or "no message").splitlines()[0])
