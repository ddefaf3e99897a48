"""From what PostgreSQL says of its transactions to how far an extraction sees everything."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.sources.database.session import Horizon
from tasks.wording import counted, duration

HELD_BACK = timedelta(minutes=15)
"""A transaction open for longer than between two extractions is worth a word: everything since is read again each time."""


@dataclass(frozen=True)
class Transactions:
    """The row of horizon.sql."""

    clock: datetime
    is_replica: bool
    replayed_at: datetime | None
    hidden_sessions: int
    oldest_start: datetime | None
    oldest_prepared: datetime | None


def see_horizon(seen: Transactions, fallback: timedelta) -> Horizon:
    """The instant before which every change has committed and is visible.

    Args:
        fallback: how long a transaction may last where nobody can see when the open ones began.
    """
    again = f"the last {duration(fallback.total_seconds())} is read again each time"
    if seen.is_replica:
        until = min(seen.clock, seen.replayed_at or seen.clock)
        return Horizon(until - fallback, f"the source is a replica: {again}")
    if seen.hidden_sessions:
        said = f"the role may not see {counted(seen.hidden_sessions, 'session')}: {again}"
        return Horizon(seen.clock - fallback, f"{said}; GRANT pg_read_all_stats avoids that")
    begun = [seen.clock, seen.oldest_start or seen.clock]
    # PostgreSQL says when a transaction was prepared, not when it began.
    begun += [seen.oldest_prepared - fallback] if seen.oldest_prepared else []
    oldest = min(begun)
    if seen.clock - oldest > HELD_BACK:
        said = f"a transaction has been open for {duration((seen.clock - oldest).total_seconds())}"
        return Horizon(oldest, f"{said}: everything since is read again each time")
    return Horizon(oldest)
