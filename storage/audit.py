"""What people do to govpulse's data by hand, and who they are."""

from datetime import datetime

import duckdb

from storage.write import enter


def record_action(con: duckdb.DuckDBPyConnection, action: str, detail: str, actor: str, now: datetime) -> None:
    """Enter an action in ops.audit_log."""
    enter(con, "ops.audit_log", {"action": action, "detail": detail, "actor": actor, "done_at": now})
