"""Acts, users and owners put straight into raw, and the scores of expertise made of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from flows.settings import ExpertiseSettings
from storage.catalogue import TABLES
from storage.frames import fetch, registered
from tasks.insights.expertise_scores import compute_sums
from tasks.insights.macros import define_macros

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
ACT = {"user_id": "ann", "domain": "sales", "action": "update", "status": "succeeded", "occurred_at": AS_OF - timedelta(days=180)}
INSTANT = pl.Datetime("us", "UTC")
ACTS = pl.Schema(
    {
        **dict.fromkeys(("activity_id", "user_id", "domain", "action", "status", "source"), pl.String()),
        **dict.fromkeys(("resource_type", "resource_id", "operation"), pl.String()),
        **dict.fromkeys(("item_count", "domain_count"), pl.Int64()),
        "duration_seconds": pl.Float64(),
        **dict.fromkeys(("occurred_at", "updated_at", "extracted_at"), INSTANT),
        "is_deleted": pl.Boolean(),
    }
)
Rows = Sequence[Mapping[str, Any]]


def ago(**span: float) -> datetime:
    """The instant so long before AS_OF."""
    return AS_OF - timedelta(**span)


def act_rows(acts: Rows) -> pl.DataFrame:
    """Rows of raw.activity; what an act does not say is as in ACT, its id is its place."""
    whole = [{"activity_id": f"a{number}", "source": "load", "is_deleted": False, **ACT, **act} for number, act in enumerate(acts)]
    return pl.DataFrame(whole, schema=ACTS).with_columns(pl.col("updated_at", "extracted_at").fill_null(pl.col("occurred_at")))


@contextmanager
def rows_in(con: duckdb.DuckDBPyConnection, acts: Rows = (), users: Rows = (), owners: Rows = ()) -> Iterator[None]:
    """The rows are in raw inside the block, and gone after it."""
    con.execute("BEGIN")
    try:
        put_rows(con, "raw.activity", act_rows(acts))
        blank = {"updated_at": AS_OF, "is_deleted": False}
        put_rows(con, "raw.users", pl.DataFrame([blank | dict(user) for user in users], schema_overrides={"role": pl.String}))
        put_rows(con, "raw.owners", pl.DataFrame([{"is_deleted": False} | dict(owner) for owner in owners]))
        yield
    finally:
        con.execute("ROLLBACK")


def put_rows(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    if rows.height:
        casts = ", ".join(f"CAST({c.name} AS {c.type}) AS {c.name}" for c in TABLES[table].columns if c.name in rows.columns)
        with registered(con, "given", rows):
            con.execute(f"INSERT INTO {table} BY NAME SELECT {casts} FROM given")


def scores_now(con: duckdb.DuckDBPyConnection, as_of: datetime = AS_OF, **changed: Any) -> pl.DataFrame:
    """insights.expertise_scores of what is in raw, by domain and user, under the shipped settings but for those that are named."""
    define_macros(con)
    return scores_of(con, as_of, **changed)


def scores_of(con: duckdb.DuckDBPyConnection, as_of: datetime = AS_OF, **changed: Any) -> pl.DataFrame:
    """The same on a connection that has the macros."""
    compute_sums(con, as_of, ExpertiseSettings(**changed).rules)
    return fetch(con, "SELECT * FROM insights.expertise_scores ORDER BY domain, user_id")


def scores(
    con: duckdb.DuckDBPyConnection, acts: Rows = (), users: Rows = (), as_of: datetime = AS_OF, **changed: Any
) -> pl.DataFrame:
    """The same of these acts and users, on a connection that has the macros."""
    with rows_in(con, acts, users):
        return scores_of(con, as_of, **changed)
