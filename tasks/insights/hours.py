"""Tables by the hour: which hours a computation makes anew."""

from datetime import datetime
from pathlib import Path

from storage.home import Home
from storage.ledger import uncovered_since
from storage.warehouse import Limits, warehouse
from tasks.insights.computation import Derive, InsightResult, compute


def hour_of(instant: datetime) -> datetime:
    """The start of the hour that `instant` lies in."""
    return instant.replace(minute=0, second=0, microsecond=0)


def choose_window_start(as_of: datetime, asked: datetime | None, uncovered: datetime | None) -> datetime:
    """From where to compute: as asked; else the hour of the oldest rows that no computation has seen, or this hour."""
    return hour_of(asked or min(uncovered or as_of, as_of))


def compute_hours(
    home: str, limits: Limits, name: str, dataset: str, derive: Derive, as_of: datetime, window_start: datetime | None
) -> InsightResult:
    """Compute the hours of the table `name` that have new rows of `dataset`, or those from `window_start` on, up to `as_of`.

    Raises:
        GovpulseError: as `compute`; nothing is written.
    """
    with warehouse(Home(Path(home)), limits) as con:
        uncovered = uncovered_since(con, name, dataset)
    start = choose_window_start(as_of, window_start, uncovered)
    return compute(home, limits, name, {"as_of": as_of, "window_start": start}, derive, window=(start, as_of))
