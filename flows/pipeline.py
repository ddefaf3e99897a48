"""Everything once, in order: what `govpulse run` does. A part that is left out is not loaded."""

from datetime import datetime
from typing import Literal

from prefect import flow

from flows.alerts import evaluate
from flows.insights import InsightName, compute
from flows.pages import OVERVIEWS, PAGES
from flows.report import Report
from flows.run import begin, finish
from flows.warehouse_steps import publish
from tasks.overviews import alert_overview, reason_overview

Part = Literal["collect", "extract", "alerts"] | InsightName


@flow(name="govpulse_pipeline", timeout_seconds=7200)
def govpulse_pipeline(
    as_of: datetime | None = None, window_start: datetime | None = None, only: list[Part] | None = None
) -> Report:
    """Collect, extract, compute, evaluate, publish.

    Args:
        as_of: the instant to compute for; now if empty.
        window_start: for tables of events in time, from where on; if empty, from the oldest rows not seen yet.
        only: just these parts or insight tables, on what has been landed; everything if empty.
    """
    run = begin("govpulse_pipeline", as_of, window_start)
    if not only or "collect" in only:
        from flows.system_metrics import collect

        collect(run, sample_count=1)
    if not only or "extract" in only:
        from flows.sources import extract

        extract(run)
    if as_of is None:
        run.read_clock()
    compute(run, only or None, window_start)
    if not only or "alerts" in only:
        evaluate(run)
    return finish(
        run, publish=publish, overviews={**OVERVIEWS, "alert-board": alert_overview, "rejected-rows": reason_overview}, pages=PAGES
    )
