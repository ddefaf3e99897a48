"""insights.anomalies: episodes of anomalous minutes. Reads insights.anomaly_scores, ops to know which of them are new, and its own
rows to know which episodes these may belong to."""

from datetime import datetime

import duckdb

from storage.sql_files import sql_beside
from tasks.insights.insight import Insight, Underway


def since(con: duckdb.DuckDBPyConnection, underway: Underway) -> datetime:
    """From where on episodes have new minutes."""
    found: datetime = con.execute(sql_beside(__file__, "detection/since"), {"as_of": underway.as_of}).fetchall()[0][0]
    return found


ANOMALIES = Insight(__file__, window_start=since)
