"""Insights computed as the flow computes them, with the shipped settings but for what is given."""

from datetime import datetime
from typing import Any

from flows.insight_step import taken
from flows.settings import Settings
from storage.limits import Limits
from tasks.insights.computation import compute_insight
from tasks.insights.insight import Insight, InsightResult

SHIPPED = Settings.model_construct()


def compute_table(
    insight: Insight, home: str, *, as_of: datetime, limits: Limits, window_start: datetime | None = None, **given: Any
) -> InsightResult:
    options = {"limits": limits, "as_of": as_of, "window_start": window_start}
    return compute_insight.fn(home, insight=insight, given=taken(insight, SHIPPED) | given, **options)
