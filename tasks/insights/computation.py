"""The one task that computes any insight."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.limits import Limits
from tasks.insights.insight import Insight, InsightResult, Underway, compute_rows


@task(name="compute_insight", cache_policy=NO_CACHE)
def compute_insight(
    home: str,
    *,
    insight: Insight,
    limits: Limits,
    as_of: datetime,
    window_start: datetime | None = None,
    given: Mapping[str, Any],
) -> InsightResult:
    """Compute a table of insights as of `as_of`.

    Args:
        window_start: of a table of events in time, from where on; None: from the oldest rows that no computation has seen.
        given: what the insight takes from the settings.

    Raises:
        GovpulseError: an input is of another as_of, or the rows break the catalogue; nothing is written.
    """
    underway = Underway(insight, Home(Path(home)), limits, as_of, window_start, given)
    (insight.compute or compute_rows)(underway)
    return InsightResult(insight.name, underway.rows, underway.window_start)
