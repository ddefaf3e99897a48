"""What people do to govpulse's data by hand, and who they are."""

from datetime import datetime

import duckdb


def record_action(con: duckdb.DuckDBPyConnection, action: str, detail: str, actor: str, now: datetime) -> None:
    """Enter an action in ops.audit_log."""
    con.execute("INSERT INTO ops.audit_log (action, detail, actor, done_at) VALUES (?, ?, ?, ?)", [action, detail, actor, now])
