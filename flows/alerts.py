"""Evaluates the alert rules, delivers what there is to tell, and says that it is alive."""

from datetime import UTC, datetime, timedelta

from prefect import flow
from prefect.events import emit_event

from flows.channels import resolve_channels, resolve_heartbeat
from flows.links import resolve_links
from flows.report import Report
from flows.routes import recipients
from flows.run import Run, begin, finish
from flows.warehouse_steps import load, publish
from storage.errors import GovpulseError
from tasks.alerts.engine import evaluate_rules
from tasks.alerts.evaluation import Transition
from tasks.notifications.delivery import deliver_notifications
from tasks.notifications.heartbeat import ping
from tasks.overviews import alert_overview

PATIENCE = timedelta(minutes=2)
"""A scheduled evaluation waits so long for what can be tried again; the next one comes after five minutes."""


def evaluate(run: Run, patience: timedelta = timedelta()) -> None:
    load(run)
    _evaluate(run)
    settings, channels = run.settings, resolve_channels(run.settings)
    links = resolve_links(settings)
    run.step(
        "notifications", deliver_notifications, run.home, limits=settings.limits, channels=channels, patience=patience, links=links
    )
    if not {"alerts", "notifications"} & run.failures.keys():
        run.step("heartbeat", _beat, run)
    if run.settings.backups.to:
        from tasks.maintenance import copy_journal_elsewhere

        run.step("second copy", copy_journal_elsewhere, run.home, to=run.settings.backups.to)


def _evaluate(run: Run) -> None:
    settings = run.settings
    evaluation = run.step(
        "alerts",
        evaluate_rules,
        run.home,
        limits=settings.limits,
        rules_file=str(settings.alerts.rules) if settings.alerts.rules else None,
        channels=recipients(settings),
        as_of=run.as_of,
        is_past=run.as_of < run.started_at,
        runbooks=settings.alerts.runbook_base_url,
        real_only=settings.real_only,
        gone_after=timedelta(hours=settings.alerts.gone_after_hours),
    )
    for number, failure in enumerate(evaluation.failures if evaluation else (), 1):
        run.failures[f"alert rule {number}"] = failure
    for transition in evaluation.transitions if evaluation else ():
        _emit(transition)


def _emit(transition: Transition) -> None:
    """The transition as a Prefect event, for Automations: `govpulse.alert.firing` and so on."""
    after = transition.after
    emit_event(
        f"govpulse.alert.{after.state}",
        occurred=transition.transitioned_at,
        resource={
            "prefect.resource.id": f"govpulse.alert.{after.fingerprint}",
            "prefect.resource.name": f"{after.rule} of {after.subject}",
            "govpulse.rule": after.rule,
            "govpulse.severity": after.severity or "",
            "govpulse.event": "" if transition.is_damped else transition.event or "",
        },
        payload={
            "fingerprint": after.fingerprint,
            "episode": after.episode,
            "rule": after.rule,
            "subject": after.subject,
            "from_state": transition.before.state,
            "to_state": after.state,
            "event": transition.event,
            "severity": after.severity,
            "value": str(after.value),
            "statement": transition.reason,
        },
    )


def _beat(run: Run) -> str | None:
    url, problem = resolve_heartbeat(run.settings)
    if url and not problem:
        problem = ping(url, datetime.now(UTC))
    if problem:
        raise GovpulseError(problem)
    return "called" if url else None


@flow(name="evaluate_alerts", timeout_seconds=280)
def evaluate_alerts(as_of: datetime | None = None) -> Report:
    """Evaluate every alert rule and deliver notifications.

    Args:
        as_of: the instant to evaluate for; default: now.
    """
    run = begin("evaluate_alerts", as_of)
    evaluate(run, PATIENCE)
    return finish(run, publish=publish, overviews={"alert-board": alert_overview})
