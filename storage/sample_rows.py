"""Sample rows never lie beside real ones."""

import duckdb

from storage.catalogue import GOVERNANCE, INSIGHTS
from storage.write import remove

SAMPLE = "sample"
IS_SAMPLE = "is_sample"


def make_room(con: duckdb.DuckDBPyConnection, source: str | None) -> bool:
    """Sample rows never lie beside real ones: real rows drive them out, and they do not come in where real ones are."""
    if source == SAMPLE:
        return not any(
            con.execute(f"SELECT 1 FROM raw.{dataset} WHERE source IS DISTINCT FROM ? LIMIT 1", [SAMPLE]).fetchall()
            for dataset in GOVERNANCE
        )
    if not con.execute("SELECT 1 FROM accepted LIMIT 1").fetchall():
        return True
    for dataset in GOVERNANCE:
        remove(con, f"raw.{dataset}", "source = $sample", {"sample": SAMPLE})
    for table in INSIGHTS.values():
        if table.time_column and IS_SAMPLE in table.column_names:  # its other hours would stay: other tables are replaced whole
            remove(con, table.full_name, IS_SAMPLE)
    for book in ("ops.watermarks", "ops.rejected_rows"):
        remove(con, book, "source = $sample", {"sample": SAMPLE})
    return True
