"""What was computed for an instant to come is taken back once it is seen to lie ahead, so that nothing stays ended in the future.

Commands and forms refuse such instants; a clock that was put right, or a govpulse from before that, may have left some.
"""

from datetime import datetime, timedelta

import duckdb

from storage.catalogue import INSIGHTS
from storage.changes import change
from storage.transaction import transaction
from storage.write import remove

CLOCKS_DIFFER = timedelta(minutes=5)
"""What lies ahead by less may be another machine's now."""
AHEAD = "SELECT 1 FROM ops.computations WHERE as_of > $now UNION ALL SELECT 1 FROM alerts.transitions WHERE transitioned_at > $now"
FINDINGS = "insights.performance_insights"
ALERT_INSTANTS = ("pending_since", "firing_since", "clear_since", "last_seen_at", "resolved_at", "updated_at", "changed_at")
NOTIFICATION_INSTANTS = ("next_attempt_at", "sent_at", "updated_at", "queued_at")


def take_back_future(con: duckdb.DuckDBPyConnection, now: datetime) -> bool:
    """Take back what lies ahead of `now` by more than clocks differ, in one transaction; returns whether anything did.

    Findings that were ended there go on, those that were first found there go, and alerts stand as of `now`: the next evaluation
    judges them.
    """
    if not con.execute(f"{AHEAD} LIMIT 1", {"now": now + CLOCKS_DIFFER}).fetchall():
        return False
    with transaction(con):
        _take_back_findings(con, now)
        _put_back(con, "alerts.alerts", ALERT_INSTANTS, now)
        _put_back(con, "alerts.transitions", ("transitioned_at",), now)
        _put_back(con, "alerts.notifications", NOTIFICATION_INSTANTS, now)
        for table in INSIGHTS.values():
            if table.has_history:
                remove(con, f"history.{table.name}", "as_of > $now", {"now": now})
        remove(con, "ops.anomaly_models", "trained_until > $now", {"now": now})
        remove(con, "ops.computations", "as_of > $now", {"now": now})
    return True


def _take_back_findings(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    remove(con, FINDINGS, "first_found_at > $now", {"now": now})
    change(con, FINDINGS, f"UPDATE {FINDINGS} SET ended_at = NULL WHERE ended_at > ?", [now])
    change(
        con,
        FINDINGS,
        f"UPDATE {FINDINGS} SET as_of = greatest(first_found_at, (SELECT max(as_of) FROM ops.computations"
        " WHERE insight = 'performance_insights' AND as_of <= $now)) WHERE as_of > $now",
        {"now": now},
    )


def _put_back(con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], now: datetime) -> None:
    """The instants ahead become `now`."""
    for column in columns:
        change(con, table, f"UPDATE {table} SET {column} = $now WHERE {column} > $now", {"now": now})
