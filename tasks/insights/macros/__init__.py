"""What several SELECTs use: seconds between instants, rows whose newest state is not known, who is who, deployments and scans as
they stood at an instant, weights of acts, busy minutes of CPUs, hours of operations."""

from pathlib import Path

import duckdb

MACROS = ("instants", "sources", "people", "deployments", "scans", "expertise", "cpu", "operations")
"""In the order of what uses what."""


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Let SQL on `con` use what several insights read."""
    for name in MACROS:
        con.execute(Path(__file__).with_name(f"{name}.sql").read_text())
