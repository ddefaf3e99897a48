"""Computes the insight tables as of one instant, and publishes them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from prefect import flow

from flows.instants import in_utc
from flows.report import Report, plots, what_to_do
from flows.run import Run, begin, finish, load
from storage.catalogue import INSIGHTS
from tasks.boards import deployment_board, scan_board
from tasks.insights.active_scans import active_scans
from tasks.insights.anomalies import anomalies
from tasks.insights.anomaly_scores import anomaly_scores
from tasks.insights.application_health import application_health
from tasks.insights.computation import InsightResult
from tasks.insights.deployment_metrics import deployment_metrics
from tasks.insights.deployment_trends import deployment_trends
from tasks.insights.domain_experts import domain_experts
from tasks.insights.domain_owners import domain_owners
from tasks.insights.expertise.confidence import is_measured
from tasks.insights.expertise_scores import expertise_scores
from tasks.insights.forecasts import forecasts
from tasks.insights.metric_correlations import metric_correlations
from tasks.insights.performance_insights import performance_insights
from tasks.insights.scan_performance import scan_performance
from tasks.insights.system_metrics_hourly import system_metrics_hourly
from tasks.insights.user_profiles import user_profiles
from tasks.plots.gallery import draw_plots

InsightName = Literal[
    "deployment_metrics",
    "deployment_trends",
    "scan_performance",
    "active_scans",
    "expertise_scores",
    "domain_experts",
    "domain_owners",
    "user_profiles",
    "system_metrics_hourly",
    "forecasts",
    "anomaly_scores",
    "anomalies",
    "application_health",
    "metric_correlations",
    "performance_insights",
]
BOARDS = {"deployment-metrics": deployment_board, "active-scans": scan_board}
PAGES = {"what-to-do": what_to_do, "plots": plots}
DRAWN = {"anomalies", "forecasts"}
"""What the plots show: they are drawn anew where one of these was computed."""


def computations(run: Run, window_start: datetime | None) -> dict[str, Callable[[], InsightResult]]:
    """Every insight with what it takes from the settings, in the order of computing: what reads others comes after them."""
    settings, rules = run.settings.insights, run.settings.expertise.rules
    home: dict[str, Any] = {"home": run.home, "limits": run.settings.limits, "as_of": run.as_of}
    window = {**home, "window_days": settings.window_days}
    attempts = {**window, "gap_seconds": settings.attempt_gap_seconds}
    bounded = {**attempts, "bound_seconds": settings.duration_bound_seconds}
    queued = {**window, "queue_bound_seconds": settings.queue_bound_seconds}
    return {
        "deployment_metrics": lambda: deployment_metrics(
            **bounded, lead_bound_seconds=settings.lead_bound_seconds, rework_seconds=settings.rework_seconds
        ),
        "deployment_trends": lambda: deployment_trends(**bounded),
        "scan_performance": lambda: scan_performance(**queued),
        "active_scans": lambda: active_scans(**queued),
        "expertise_scores": lambda: expertise_scores(**home, rules=rules),
        "domain_experts": lambda: domain_experts(**home, is_measured=is_measured(rules)),
        "domain_owners": lambda: domain_owners(**home),
        "user_profiles": lambda: user_profiles(
            **home, bot_pattern=rules.bot_pattern, preferences=run.settings.profiles.preferences
        ),
        "system_metrics_hourly": lambda: system_metrics_hourly(**home, window_start=window_start),
        "forecasts": lambda: forecasts(**home),
        "anomaly_scores": lambda: anomaly_scores(**home, window_start=window_start),
        "anomalies": lambda: anomalies(**home),
        "application_health": lambda: application_health(**home, window_start=window_start),
        "metric_correlations": lambda: metric_correlations(**home),
        "performance_insights": lambda: performance_insights(**attempts),
    }


def with_inputs(only: Sequence[str]) -> set[str]:
    """The asked tables and those that they are computed from, and so on."""
    inputs = {name for each in only if each in INSIGHTS for name in INSIGHTS[each].inputs}
    return {*only, *with_inputs(sorted(inputs))} if inputs else set(only)


def compute(run: Run, only: Sequence[str] | None = None, window_start: datetime | None = None) -> None:
    if (only is None or set(only) & set(INSIGHTS)) and not run.has_room("insights"):
        return
    load(run)
    start = in_utc(window_start) if window_start else None
    asked = None if only is None else with_inputs(only)
    with run.turn() as is_ours:
        for name, computation in computations(run, start).items() if is_ours else ():
            if asked is None or name in asked:
                run.step(name, computation)
        if is_ours and (asked is None or DRAWN & asked):
            run.step(
                "plots", draw_plots, run.home, limits=run.settings.limits, as_of=run.as_of, audience=run.settings.publish.audience
            )


@flow(name="compute_insights", timeout_seconds=3000)
def compute_insights(
    as_of: datetime | None = None, window_start: datetime | None = None, only: list[InsightName] | None = None
) -> Report:
    """Compute insight tables and publish them.

    Args:
        as_of: the instant to compute for; now if empty.
        window_start: for tables of events in time, from where on; if empty, from the oldest rows not seen yet.
        only: just these tables, and those that they are computed from; all if empty.
    """
    run = begin("compute_insights", as_of, window_start)
    compute(run, only, window_start)
    return finish(run, boards=BOARDS, pages=PAGES)
