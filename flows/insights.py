"""Computes the insight tables as of one instant, and publishes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from prefect import flow

from flows.insight_step import compute_one
from flows.instants import in_utc
from flows.report import Report, plots, what_to_do
from flows.run import Run, begin, finish, load
from tasks.boards import deployment_board, scan_board
from tasks.insights.registry import REGISTERED, in_order, with_inputs
from tasks.plots.gallery import draw_plots

if TYPE_CHECKING:
    InsightName = str
else:
    InsightName = Literal[tuple(insight.name for insight in REGISTERED)]
BOARDS = {"deployment-metrics": deployment_board, "active-scans": scan_board}
PAGES = {"what-to-do": what_to_do, "plots": plots}
DRAWN = {"anomalies", "forecasts"}
"""What the plots show: they are drawn anew where one of these was computed."""


def compute(run: Run, only: Sequence[str] | None = None, window_start: datetime | None = None) -> None:
    """The tables that `only` names, and those that they are computed from; all without it."""
    asked = {insight.name for insight in REGISTERED} if only is None else with_inputs(REGISTERED, only)
    if asked and not run.has_room("insights"):
        return
    load(run)
    start = in_utc(window_start) if window_start else None
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
    return finish(run, boards=BOARDS, pages=PAGES)
