"""What people do to govpulse's data by hand, and who they are."""

from datetime import datetime

import duckdb

from storage.changes import change


def record_action(con: duckdb.DuckDBPyConnection, action: str, detail: str, actor: str, now: datetime) -> None:
    """Enter an action in ops.audit_log."""
    entry = "INSERT INTO ops.audit_log (action, detail, actor, done_at) VALUES (?, ?, ?, ?)"
    change(con, "ops.audit_log", entry, [action, detail, actor, now])
