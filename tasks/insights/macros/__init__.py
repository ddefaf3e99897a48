"""What several SELECTs use: seconds between instants, rows whose newest state is not known, who is who, deployments and scans as
they stood at an instant, weights of acts, busy minutes of CPUs, hours of operations."""

import duckdb

from storage.sql_files import sql_beside

MACROS = (
    "instants",
    "sources",
    "people",
    "deployments",
    "incidents",
    "deployment_counts",
    "scans",
    "expertise",
    "cpu",
    "operations",
)
"""In the order of what uses what."""


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Let SQL on `con` use what several insights read."""
    for name in MACROS:
        con.execute(sql_beside(__file__, name))
