"""Rows put straight into the insight tables that findings are read from, and into raw, and what is found in them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from storage.catalogue import TABLES
from tasks.insights.book import check_output
from tasks.insights.performance_insights import TABLE, find
from tests.insight_rows import BLANK_AT, enter, insert
from tests.insights import SHIPPED

AS_OF = BLANK_AT
PARAMETERS = {"as_of": AS_OF, "window_days": 90, "gap_seconds": 3600.0, "environments": SHIPPED.insights.environment_names}

Rows = Sequence[Mapping[str, Any]]
Find = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def find_in(con: duckdb.DuckDBPyConnection) -> Find:
    """Rows by table (`raw_deployments=[...]`) -> what is found, rows of insights.performance_insights by subject and labels."""

    def found(**tables: Rows) -> list[dict[str, Any]]:
        con.execute("BEGIN")
        try:
            enter(con, *TABLE.inputs, as_of=AS_OF, computed_at=AS_OF)
            for name, rows in tables.items():
                insert(con, TABLES[f"raw.{name[4:]}" if name.startswith("raw_") else f"insights.{name}"], *rows)
            frame = find(con, PARAMETERS)
        finally:
            con.execute("ROLLBACK")
        check_output(TABLE, frame)
        return frame.sort("subject", "labels").rows(named=True)

    return found


@pytest.fixture(scope="session")
def ago() -> Callable[..., datetime]:
    """The instant so long before AS_OF."""
    return lambda **span: AS_OF - timedelta(**span)
