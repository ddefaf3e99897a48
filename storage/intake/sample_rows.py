"""Sample rows never lie beside real ones."""

import duckdb

from storage.catalogue import GOVERNANCE, INSIGHTS
from storage.relations import has_rows
from storage.write import remove

SAMPLE = "sample"
IS_SAMPLE = "is_sample"


def make_room(con: duckdb.DuckDBPyConnection, source: str | None) -> bool:
    """Sample rows never lie beside real ones: real rows drive them out, and they do not come in where real ones are."""
    if source == SAMPLE:
        is_real = "source IS DISTINCT FROM $sample"
        return not any(has_rows(con, f"raw.{dataset}", is_real, {"sample": SAMPLE}) for dataset in GOVERNANCE)
    if not has_rows(con, "accepted"):
        return True
    for dataset in GOVERNANCE:
        remove(con, f"raw.{dataset}", "source = $sample", {"sample": SAMPLE})
    for table in INSIGHTS.values():
        if table.time_column and IS_SAMPLE in table.column_names:  # its other hours would stay: other tables are replaced whole
            remove(con, table.full_name, IS_SAMPLE)
    for book in ("ops.watermarks", "ops.rejected_rows"):
        remove(con, book, "source = $sample", {"sample": SAMPLE})
    return True
