"""What there is to look at: the alerts, one alert, the silences."""

import re
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from flows.web.desk import Desk, looking
from flows.web.rendering import HEADERS, page, said
from storage.installation import has_own_warehouse
from tasks.alerts.rule import Rule, evidence_query
from tasks.alerts.sentences import format_value, named
from tasks.alerts.states import ACTIVE
from tasks.alerts.stored_alerts import alerts_as_stored, history_of, notifications_of, rules_at_last, the_alert, with_quiet
from tasks.message import runbook_link
from tasks.plots.index import plot_of
from tasks.silences import read_silences

MOST_SHOWN = 500
"""Alerts on the board; of more nobody reads the end, and the counts say that they are there."""
LENGTHS = {"1h": "1 hour", "4h": "4 hours", "1d": "1 day", "1w": "1 week"}
"""For how long an alert is silenced from its page."""
PLOT = re.compile(r"[a-z0-9-]+\.png")
NOTHING_YET = "No rule has been evaluated yet."


def show_alerts(request: Request, desk: Desk) -> Response:
    """The board: active alerts, the worst first; with ?all=1 those that have ended, too."""
    shows_all, now = bool(request.query_params.get("all")), desk.clock()
    found: list[dict[str, Any]] = []
    rules: dict[str, Rule] = {}
    is_live = True
    if has_own_warehouse(desk.home):
        with looking(desk) as (con, is_live):
            found, rules = alerts_as_stored(con), rules_at_last(con)
            found = with_quiet(found, read_silences(con), now)
    active = [alert for alert in found if alert["state"] in ACTIVE]
    shown = (found if shows_all else active)[:MOST_SHOWN]
    return page(
        "alerts.html",
        alerts=[_with_value(alert, rules.get(alert["rule"])) for alert in shown],
        counts=Counter(alert["severity"] or "warning" for alert in active),
        left=len(found if shows_all else active) - len(shown),
        shows_all=shows_all,
        has_rules=bool(rules),
        is_live=is_live,
        now=now,
    )


def show_alert(request: Request, desk: Desk) -> Response:
    """One alert: how it stands, what may be done, its history, who was told, and the evidence."""
    if not has_own_warehouse(desk.home):
        return said(NOTHING_YET, 404)
    now = desk.clock()
    with looking(desk) as (con, is_live):
        alert, held = the_alert(con, request.path_params["fingerprint"]), read_silences(con)
        history, told = history_of(con, alert["fingerprint"]), notifications_of(con, alert["fingerprint"])
        rule = rules_at_last(con).get(alert["rule"])
    (alert,) = with_quiet([alert], held, now)
    return page(
        "alert.html",
        alert=_with_value(alert, rule),
        is_active=alert["state"] in ACTIVE,
        limit=format_value(alert["threshold"], rule.unit if rule else ""),
        runbook=runbook_link(rule.runbook, desk.runbooks) if rule else "",
        evidence=evidence_query(rule, alert["subject"], alert["updated_at"]) if rule else "",
        plot=plot_of(desk.home.plots, alert["rule"], alert["subject"], alert["labels"]),
        history=list(reversed(history)),
        told=list(reversed(told)),
        lengths=LENGTHS,
        is_live=is_live,
        now=now,
    )


def show_plot(request: Request, desk: Desk) -> Response:
    """A plot as it was drawn last; the next run may draw others."""
    name = request.path_params["file"]
    if not PLOT.fullmatch(name) or not (desk.home.plots / name).is_file():
        return said("This plot is not there any more.", 404)
    return FileResponse(desk.home.plots / name, media_type="image/png", headers=HEADERS)


def show_silences(_: Request, desk: Desk) -> Response:
    """Silences and acks that hold or will."""
    now = desk.clock()
    held, is_live = [], True
    if has_own_warehouse(desk.home):
        with looking(desk) as (con, is_live):
            held = [
                each for each in read_silences(con) if each.ended_at is None and not (each.expires_at and each.expires_at <= now)
            ]
    return page("silences.html", silences=held, is_live=is_live, now=now)


def _with_value(alert: dict[str, Any], rule: Rule | None) -> dict[str, Any]:
    """With its value for people, and a name that tells it apart."""
    value = None if alert["state"] == "error" else alert["value"]
    shown = "" if value is None else format_value(value, rule.unit if rule else "")
    labels = sorted(alert["labels"].items())
    return alert | {"shown_value": shown, "about": named(alert["fingerprint"], alert["rule"], alert["subject"], labels)}
