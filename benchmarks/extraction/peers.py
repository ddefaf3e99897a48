"""The same rows by others, in a process of its own: `pandas|connectorx|dlt URL FOLDER`. Each as its documentation has it, and with
what makes it fast there; none checks the rows, and only dlt deduplicates them.
"""

import os
import sys
from pathlib import Path

from benchmarks.measuring import NOT_INSTALLED, report

VIEW = "activity"
CHUNK_ROWS = 50_000
DLT_CHUNK_ROWS = 100_000


def read_with_pandas(url: str, folder: Path) -> int:
    """pandas.read_sql in chunks through SQLAlchemy's server-side cursor, each appended to a DuckDB table."""
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    rows = 0
    with duckdb.connect(str(folder / "pandas.duckdb")) as con, engine.connect() as source:
        streamed = source.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
        for chunk in pandas.read_sql(sqlalchemy.text(f"SELECT * FROM {VIEW}"), streamed, chunksize=CHUNK_ROWS):
            con.execute(f"INSERT INTO {VIEW} FROM chunk" if rows else f"CREATE TABLE {VIEW} AS FROM chunk")
            rows += len(chunk)
    return rows


def read_with_connectorx(url: str, folder: Path) -> int:
    """connectorx into a stream of Arrow batches, and those into a DuckDB table."""
    query = f"SELECT * FROM {VIEW}"
    batches = connectorx.read_sql(url, query, return_type="arrow_stream", batch_size=CHUNK_ROWS)  # noqa: F841 - SQL names it
    with duckdb.connect(str(folder / "connectorx.duckdb")) as con:
        return int(con.execute(f"CREATE TABLE {VIEW} AS FROM batches").fetchall()[0][0])


def read_with_dlt(url: str, folder: Path) -> int:
    """dlt's sql_database over connectorx, streamed, merged by key into DuckDB."""
    table = sql_table(
        url.replace("postgresql://", "postgresql+psycopg://"),
        table=VIEW,
        backend="connectorx",
        backend_kwargs={"conn": url, "return_type": "arrow_stream"},
        chunk_size=DLT_CHUNK_ROWS,
        primary_key="activity_id",
        write_disposition="merge",
    )
    file = folder / "dlt.duckdb"
    pipeline = dlt.pipeline("peer", str(folder / "pipelines"), destination=dlt.destinations.duckdb(str(file)), dataset_name="raw")
    pipeline.run(table)
    with duckdb.connect(str(file)) as con:
        return int(con.sql(f"SELECT count(*) FROM raw.{VIEW}").fetchall()[0][0])


PEERS = {"pandas": read_with_pandas, "connectorx": read_with_connectorx, "dlt": read_with_dlt}

if __name__ == "__main__":
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    name, address, where = sys.argv[1:]
    try:
        import connectorx
        import dlt
        import duckdb
        import pandas
        import sqlalchemy
        from dlt.sources.sql_database import sql_table
    except ImportError:
        sys.exit(NOT_INSTALLED)
    report(lambda: PEERS[name](address, Path(where)))
