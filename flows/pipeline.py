"""Everything once, in order: what `govpulse run` does."""

from datetime import datetime
from typing import Literal

from prefect import flow

from flows.alerts import evaluate
from flows.insights import BOARDS, PAGES, InsightName, compute
from flows.report import Report
from flows.run import begin, finish
from flows.sources import extract
from flows.system_metrics import collect
from tasks.boards import alert_board, reason_board

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
        collect(run, sample_count=1)
    if not only or "extract" in only:
        extract(run)
    if as_of is None:
        run.read_clock()
    compute(run, only or None, window_start)
    if not only or "alerts" in only:
        evaluate(run)
    return finish(run, boards={**BOARDS, "alert-board": alert_board, "rejected-rows": reason_board}, pages=PAGES)
