"""The same rows by connectorx, in a process of its own: `connectorx URL FOLDER`. It checks nothing, and has no snapshot."""

import sys
from pathlib import Path

from benchmarks.measuring import NOT_INSTALLED, report

CHUNK_ROWS = 50_000


def read_with_connectorx(url: str, folder: Path) -> int:
    """connectorx into a stream of Arrow batches, and those into a DuckDB table."""
    options = {"return_type": "arrow_stream", "batch_size": CHUNK_ROWS, "protocol": "text"}
    batches = connectorx.read_sql(url, "SELECT * FROM acts", **options)  # noqa: F841 - SQL names it
    with duckdb.connect(str(folder / "connectorx.duckdb")) as con:
        return int(con.execute("CREATE TABLE acts AS FROM batches").fetchall()[0][0])


if __name__ == "__main__":
    _, address, where = sys.argv[1:]
    try:
        import connectorx
        import duckdb
    except ImportError:
        sys.exit(NOT_INSTALLED)
    report(lambda: read_with_connectorx(address, Path(where)))
