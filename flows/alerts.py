"""Evaluates the alert rules and delivers what there is to tell."""

from datetime import datetime

from prefect import flow

from flows.report import Report
from flows.run import Run, begin, finish, load
from tasks.alerts.board import evaluate_rules
from tasks.boards import alert_board
from tasks.notifications.delivery import deliver_notifications


def evaluate(run: Run) -> None:
    settings = run.settings
    load(run)
    evaluation = run.step(
        "alerts",
        evaluate_rules,
        run.home,
        limits=settings.limits,
        rules_file=str(settings.alerts.rules) if settings.alerts.rules else None,
        channels=settings.channels,
        as_of=run.as_of,
    )
    for number, failure in enumerate(evaluation.failures if evaluation else (), 1):
        run.failures[f"alert rule {number}"] = failure
    run.step("notifications", deliver_notifications, run.home, limits=settings.limits, channels=settings.channel_kinds)


@flow(name="evaluate_alerts", timeout_seconds=280)
def evaluate_alerts(as_of: datetime | None = None) -> Report:
    """Evaluate every alert rule and deliver notifications.

    Args:
        as_of: the instant to evaluate for; now if empty.
    """
    run = begin("evaluate_alerts", as_of)
    evaluate(run)
    return finish(run, boards={"alert-board": alert_board})
