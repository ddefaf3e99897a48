"""How alerts, silences and replays look on a terminal and as JSON."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from tasks.alerts.replay import Episode
from tasks.alerts.rules import Rule
from tasks.alerts.sentences import format_value
from tasks.notifications.messages import one_line
from tasks.silences import Silence

COLORS = {"critical": "red", "warning": "yellow"}
LONG = ("rule", "subject", "covers", "reason", "says", "why not", "would have told", "quiet")
"""Columns that may take several lines on a narrow terminal."""
SHOWN_LETTERS = 8
"""Of a fingerprint; they tell alerts apart, and where they do not, the commands say so."""


def as_json(document: Any) -> str:
    """JSON with instants as ISO 8601; an infinite number, which JSON has not, is a text."""
    return json.dumps(_plain(document), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def silence_row(silence: Silence) -> dict[str, Any]:
    """A silence for scripts."""
    return asdict(silence) | {"matchers": [str(matcher) for matcher in silence.matchers]}


def episode_row(episode: Episode) -> dict[str, Any]:
    """A replayed episode for scripts."""
    return {
        "fingerprint": episode.fingerprint,
        "subject": episode.subject,
        "labels": dict(episode.labels),
        "severity": episode.severity,
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "peak": episode.peak,
        "told": [event for event, _ in episode.told],
    }


def console() -> Console:
    """Standard output; where it is no terminal a row stays one line."""
    return Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, soft_wrap=False)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> Table:
    """Rows of plain texts under a header."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in header:
        shown.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name not in LONG)
    for row in rows:
        shown.add_row(*row)
    return shown


def clean(text: object) -> str:
    """A text from the data, which neither commands the terminal nor is markup."""
    return escape(one_line(str(text)))


def moment(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else ""


def severity(word: str | None) -> str:
    return f"[{COLORS.get(word or '', 'default')}]{word or ''}[/]"


def about(subject: str, labels: Mapping[str, str]) -> str:
    """What an alert is about, with its further labels."""
    return clean(", ".join([subject, *(f"{key}={value}" for key, value in labels.items())]))


def value_of(value: float | None, rule: Rule | None) -> str:
    return "" if value is None else clean(format_value(value, rule.unit if rule else ""))


def alert_table(alerts: Sequence[Mapping[str, Any]], rules: Mapping[str, Rule]) -> Table:
    """Alerts as they stand, a line each."""
    header = ("alert", "severity", "rule", "subject", "value", "state", "since (UTC)", "quiet")
    return table(header, [_alert_cells(alert, rules.get(alert["rule"])) for alert in alerts], right=("value",))


def _alert_cells(alert: Mapping[str, Any], rule: Rule | None) -> list[str]:
    is_error = alert["state"] == "error"
    return [
        alert["fingerprint"][:SHOWN_LETTERS],
        severity(alert["severity"]),
        clean(alert["rule"]),
        clean(", ".join([alert["subject"], *([] if is_error else alert["labels"].values())])),
        "" if is_error else value_of(alert["value"], rule),
        alert["state"] + (" (flapping)" if alert["is_flapping"] else ""),
        moment(alert["since"]),
        _quiet(alert),
    ]


def _quiet(alert: Mapping[str, Any]) -> str:
    acked = f"acked by {clean(alert['acked_by'])}" if alert["acked_by"] else ""
    silenced = f"silenced until {moment(alert['silenced_until'])}" if alert["silenced_until"] else ""
    return ", ".join(said for said in (acked, silenced) if said)


def silence_table(silences: Sequence[Silence], covered: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Silences and acks, a line each; `covered`: active alerts by id."""
    header = ("id", "kind", "covers", "alerts now", "author", "reason", "from (UTC)", "until (UTC)")
    rows = [
        [
            silence.silence_id,
            silence.kind,
            _covers(silence, covered[silence.silence_id]),
            str(len(covered[silence.silence_id])),
            clean(silence.author),
            clean(silence.reason),
            moment(silence.starts_at),
            moment(silence.expires_at) or "the episode ends" if silence.ended_at is None else f"{moment(silence.ended_at)}, ended",
        ]
        for silence in silences
    ]
    return table(header, rows, right=("alerts now",))


def _covers(silence: Silence, alerts: Sequence[Mapping[str, Any]]) -> str:
    if silence.kind == "ack" and alerts:
        return f"{clean(alerts[0]['rule'])} of {about(alerts[0]['subject'], alerts[0]['labels'])}, episode {silence.episode}"
    return clean(silence)


def show_alert(
    alert: Mapping[str, Any],
    rule: Rule | None,
    silences: Sequence[Silence],
    transitions: Sequence[Mapping[str, Any]],
    notifications: Sequence[Mapping[str, Any]],
    evidence: str,
) -> None:
    """All there is to say about one alert."""
    shown = console()
    shown.print(f"[bold]{clean(alert['rule'])}: {about(alert['subject'], alert['labels'])}[/]", soft_wrap=True)
    for label, text in _facts(alert, rule, silences):
        shown.print(f"  [dim]{label:<10}[/] {text}", soft_wrap=True)
    _show_rows(shown, "history", _history_table(transitions, rule), len(transitions))
    _show_rows(shown, "notifications", _notification_table(notifications), len(notifications))
    if evidence:
        shown.print("\n[dim]evidence, for govpulse query --private[/]")
        shown.print(escape(evidence), soft_wrap=True)


def _facts(alert: Mapping[str, Any], rule: Rule | None, silences: Sequence[Silence]) -> list[tuple[str, str]]:
    state = f"{alert['state']} since {moment(alert['since'])} UTC, episode {alert['episode']}"
    limit = f"{alert['severity']} from {value_of(alert['threshold'], rule)}" if alert["threshold"] is not None else "no threshold"
    facts = [
        ("alert", alert["fingerprint"]),
        ("state", f"{severity(alert['severity'])} {state}" + (", flapping" if alert["is_flapping"] else "")),
        ("value", f"{value_of(alert['value'], rule) or 'none'}, {limit}" if alert["state"] != "error" else ""),
        ("says", clean(alert["reason"] or "")),
        ("runbook", clean(rule.runbook) if rule else ""),
    ]
    facts += [(silence.kind, clean(_said_of(silence))) for silence in silences]
    return [(label, text) for label, text in facts if text]


def _said_of(silence: Silence) -> str:
    until = f" until {moment(silence.expires_at)} UTC" if silence.expires_at else ""
    return f"{silence.silence_id} by {silence.author}{until}: {silence.reason}"


def _show_rows(shown: Console, title: str, rows: Table, count: int) -> None:
    shown.print(f"\n[dim]{title}[/]" + ("" if count else " none"))
    if count:
        shown.print(Padding(rows, (0, 0, 0, 2), expand=False))


def _history_table(transitions: Sequence[Mapping[str, Any]], rule: Rule | None) -> Table:
    rows = [
        [
            moment(row["transitioned_at"]),
            str(row["episode"]),
            f"{row['from_state']} -> {row['to_state']}",
            severity(row["severity"]),
            value_of(row["value"], rule),
            row["event"] or "",
            clean(row["reason"] or ""),
        ]
        for row in transitions
    ]
    return table(("when (UTC)", "episode", "change", "severity", "value", "tells", "says"), rows, right=("episode", "value"))


def _notification_table(notifications: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            moment(row["queued_at"]),
            clean(row["channel"]),
            row["event"],
            row["status"],
            str(row["attempts"]),
            moment(row["sent_at"]),
            clean(row["reason"] or ""),
        ]
        for row in notifications
    ]
    return table(("queued (UTC)", "channel", "event", "status", "attempts", "sent (UTC)", "why not"), rows, right=("attempts",))


def episode_table(episodes: Sequence[Episode], rule: Rule) -> Table:
    """Replayed episodes, a line each."""
    rows = [
        [
            about(episode.subject, dict(episode.labels)),
            severity(episode.severity),
            moment(episode.started_at),
            moment(episode.ended_at) or "goes on",
            value_of(episode.peak, rule),
            ", ".join(event for event, _ in episode.told) or "nothing",
        ]
        for episode in episodes
    ]
    return table(("subject", "severity", "from (UTC)", "to (UTC)", "peak value", "would have told"), rows, right=("peak value",))
