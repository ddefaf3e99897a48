"""Computes the insight tables as of one instant, and publishes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from prefect import flow

from flows.insight_step import compute_one
from flows.instants import in_utc
from flows.pages import OVERVIEWS, PAGES
from flows.report import Report
from flows.run import Run, begin, finish
from flows.warehouse_steps import load, publish
from storage.catalogue import INSIGHTS

if TYPE_CHECKING:
    InsightName = str
else:
    InsightName = Literal[tuple(INSIGHTS)]
DRAWN = {"anomalies", "forecasts"}
"""What the plots show: they are drawn anew where one of these was computed."""


def compute(run: Run, only: Sequence[str] | None = None, window_start: datetime | None = None) -> None:
    """The tables that `only` names, and those that they are computed from; all without it."""
    if only is not None and not INSIGHTS.keys() & set(only):
        load(run)
    elif run.has_room("insights"):
        load(run)
        _compute(run, only, in_utc(window_start) if window_start else None)


def _compute(run: Run, only: Sequence[str] | None, start: datetime | None) -> None:
    """What it takes to compute is loaded here: a run may have no table to compute."""
    from tasks.insights.registry import REGISTERED, in_order, with_inputs
    from tasks.plots.gallery import draw_plots

    asked = {insight.name for insight in REGISTERED} if only is None else with_inputs(REGISTERED, only)
    with run.turn() as is_ours:
        for insight in in_order(REGISTERED) if is_ours else ():
            if insight.name in asked:
                compute_one(run, insight, start)
        if is_ours and DRAWN & asked:
            run.step(
                "plots", draw_plots, run.home, limits=run.settings.limits, as_of=run.as_of, audience=run.settings.publish.audience
            )


@flow(name="compute_insights", timeout_seconds=3000)
def compute_insights(
    as_of: datetime | None = None, window_start: datetime | None = None, only: list[InsightName] | None = None
) -> Report:
    """Compute the insight tables and publish them.

    Args:
        as_of: the instant to compute for; default: now.
        window_start: recompute tables of events from here; default: from the oldest row not yet included.
        only: compute only these tables and the tables they need; default: all.
    """
    run = begin("compute_insights", as_of, window_start)
    compute(run, only, window_start)
    return finish(run, publish=publish, overviews=OVERVIEWS, pages=PAGES)
