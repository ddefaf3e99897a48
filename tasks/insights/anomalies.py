"""insights.anomalies: episodes of anomalous minutes. Reads insights.anomaly_scores, ops to know which of them are new, and its own
rows to know which episodes these may belong to."""

from datetime import datetime
from pathlib import Path

import duckdb

from tasks.insights.insight import Insight, Underway

SINCE = Path(__file__).with_name("detection") / "since.sql"


def since(con: duckdb.DuckDBPyConnection, underway: Underway) -> datetime:
    """From where on episodes have new minutes."""
    found: datetime = con.execute(SINCE.read_text(), {"as_of": underway.as_of}).fetchall()[0][0]
    return found


ANOMALIES = Insight(__file__, window_start=since)
