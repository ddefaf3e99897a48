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
    """Run everything once: collect, extract, compute, evaluate and publish.

    Args:
        as_of: the instant to compute for; default: now.
        window_start: recompute tables of events from here; default: from the oldest row not yet included.
        only: run only these parts or insight tables, on the rows that are already here; default: everything.
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
