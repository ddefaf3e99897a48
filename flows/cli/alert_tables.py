"""How alerts, silences and replays look on a terminal and as JSON."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.printing import cell, line, show, text
from storage.printable import printable_lines
from tasks.alerts.replay import Episode
from tasks.alerts.rule import Rule
from tasks.alerts.sentences import format_value, named
from tasks.silence_preview import Told
from tasks.silences import Silence
from tasks.wording import counted

COLORS = {"critical": "red", "warning": "yellow"}
LONG = ("rule", "subject", "covers", "reason", "says", "why not", "would have told", "quiet")
"""Columns that may take several lines on a narrow terminal."""
MOST_SHOWN = 10
"""Alerts in a preview."""
UNTIL = {"ack": "the episode ends", "retire": "new data come", "silence": "somebody ends it"}
"""What ends what does not expire."""
SHOWN_LETTERS = 8
"""Of a fingerprint; they tell alerts apart, and where they do not, the commands say so."""


def for_json(value: Any) -> Any:
    """A document as JSON has it, with instants as ISO 8601; an infinite number, which JSON has not, is a text."""
    if isinstance(value, Mapping):
        return {str(key): for_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_json(item) for item in value]
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


def preview_lines(events: Sequence[Told]) -> list[str]:
    """What a silence would have held back in a week, for people."""
    if not events:
        return ["in the last 7 days it would have held back nothing"]
    by_alert = Counter(f"{event.rule} of {about(event.subject, event.labels)}" for event in events)
    said = f"in the last 7 days it would have held back {counted(len(events), 'event')} of {counted(len(by_alert), 'alert')}:"
    lines = [f"  {count:,} {name}" for name, count in by_alert.most_common(MOST_SHOWN)]
    left = len(by_alert) - len(lines)
    return [said, *lines, *([f"  and {counted(left, 'more alert')}"] if left else [])]


def table(header: Sequence[str], rows: Iterable[Sequence[str | Text]], right: Sequence[str] = ()) -> Table:
    """Rows of texts under a header."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in header:
        shown.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name not in LONG)
    for row in rows:
        shown.add_row(*map(cell, row))
    return shown


def moment(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else ""


def severity(word: str | None) -> Text:
    return text(word or "", COLORS.get(word or "", ""))


def about(subject: str, labels: Mapping[str, str]) -> str:
    """What an alert is about, with its further labels."""
    return ", ".join([subject, *(f"{key}={value}" for key, value in labels.items())])


def value_of(value: float | None, rule: Rule | None) -> str:
    return "" if value is None else format_value(value, rule.unit if rule else "")


def as_judged(unit: str | None, rule: Rule | None) -> Rule | None:
    """The rule with the unit of an alert's value: one in free bytes or in time left is of an exception, and less is worse."""
    return rule if rule is None or unit in (None, rule.unit) else replace(rule, unit=unit or "", direction="below")


def alert_table(alerts: Sequence[Mapping[str, Any]], rules: Mapping[str, Rule]) -> Table:
    """Alerts as they stand, a line each."""
    header = ("alert", "severity", "rule", "subject", "value", "state", "since (UTC)", "quiet")
    return table(header, [_alert_cells(alert, rules.get(alert["rule"])) for alert in alerts], right=("value",))


def _alert_cells(alert: Mapping[str, Any], rule: Rule | None) -> list[str | Text]:
    is_error, rule = alert["state"] == "error", as_judged(alert["unit"], rule)
    return [
        alert["fingerprint"][:SHOWN_LETTERS],
        severity(alert["severity"]),
        alert["rule"],
        _subject(alert, is_error=is_error),
        "" if is_error else value_of(alert["value"], rule),
        alert["state"] + (" (flapping)" if alert["is_flapping"] else ""),
        moment(alert["since"]),
        _quiet(alert),
    ]


def noise_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of insights.alert_noise, a line each."""
    header = ("rule", "team", "episodes", "acted upon", "over in 10 min", "flapping", "sent", "at night", "not acted upon")
    cells = [
        [
            row["rule"],
            row["team"],
            f"{row['episodes']:,}",
            _share(row, "acted"),
            _share(row, "brief"),
            f"{row['flapping']:,}",
            f"{row['notifications']:,}",
            f"{row['night_notifications']:,}",
            f"{row['idle_notifications']:,}",
        ]
        for row in rows
    ]
    return table(header, cells, right=header[2:])


def _share(row: Mapping[str, Any], name: str) -> str:
    """A share with its interval, in percent."""
    low, high = row[f"{name}_share_low"], row[f"{name}_share_high"]
    return f"{row[f'{name}_share']:.0%} ({low:.0%} to {high:.0%})"


def _subject(alert: Mapping[str, Any], *, is_error: bool) -> str:
    labels = [] if is_error else sorted(alert["labels"].items())
    about = named(alert["fingerprint"], alert["rule"], alert["subject"], labels)
    return about + (f" ({alert['member_count']:,})" if alert["member_count"] else "")


def _quiet(alert: Mapping[str, Any]) -> str:
    acked = f"acked by {alert['acked_by']}" if alert["acked_by"] else ""
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
            silence.author,
            silence.reason,
            moment(silence.starts_at),
            _until(silence),
        ]
        for silence in silences
    ]
    return table(header, rows, right=("alerts now",))


def _until(silence: Silence) -> str:
    if silence.ended_at is not None:
        return f"{moment(silence.ended_at)}, ended"
    return moment(silence.expires_at) or UNTIL[silence.kind]


def _covers(silence: Silence, alerts: Sequence[Mapping[str, Any]]) -> str:
    if silence.kind == "ack" and alerts:
        return f"{alerts[0]['rule']} of {about(alerts[0]['subject'], alerts[0]['labels'])}, episode {silence.episode}"
    return f"{silence}{recurrence(silence)}"


def recurrence(silence: Silence) -> str:
    """In which hours it holds, if it recurs."""
    return f", every {silence.every} {silence.zone}" if silence.every else ""


def show_alert(
    alert: Mapping[str, Any],
    rule: Rule | None,
    silences: Sequence[Silence],
    transitions: Sequence[Mapping[str, Any]],
    notifications: Sequence[Mapping[str, Any]],
    evidence: str,
) -> None:
    """All there is to say about one alert."""
    rule = as_judged(alert["unit"], rule)
    show(text(f"{alert['rule']}: {about(alert['subject'], alert['labels'])}", "bold"))
    for label, said in _facts(alert, rule, silences):
        show(line("  ", text(f"{label:<10}", "dim"), " ", said))
    _show_rows("history", _history_table(transitions, rule), len(transitions))
    _show_rows("notifications", _notification_table(notifications), len(notifications))
    if evidence:
        show(Text(), text("evidence: run this with govpulse query --private", "dim"), Text(printable_lines(evidence)))


def _facts(alert: Mapping[str, Any], rule: Rule | None, silences: Sequence[Silence]) -> list[tuple[str, str | Text]]:
    state = f"{alert['state']} since {moment(alert['since'])} UTC, episode {alert['episode']}"
    side = {"above": " or more", "below": " or less"}[rule.direction] if rule else ""
    reached = f"{alert['severity']} at {value_of(alert['threshold'], rule)}{side}"
    limit = reached if alert["threshold"] is not None else "no threshold"
    facts: list[tuple[str, str | Text]] = [
        ("alert", alert["fingerprint"]),
        ("state", line(severity(alert["severity"]), " ", state, ", flapping" if alert["is_flapping"] else "")),
        ("value", f"{value_of(alert['value'], rule) or 'none'}, {limit}" if alert["state"] != "error" else ""),
        ("says", alert["reason"] or ""),
        ("members", _members(alert)),
        ("runbook", rule.runbook if rule else ""),
    ]
    facts += [(silence.kind, _said_of(silence)) for silence in silences]
    return [(label, said) for label, said in facts if said]


def _members(alert: Mapping[str, Any]) -> str:
    left = (alert["member_count"] or 0) - len(alert["members"] or ())
    return "; ".join([*(alert["members"] or ()), *([f"and {left:,} more"] if left else [])])


def _said_of(silence: Silence) -> str:
    until = f" until {moment(silence.expires_at)} UTC" if silence.expires_at else ""
    return f"{silence.silence_id} by {silence.author}{until}{recurrence(silence)}: {silence.reason}"


def _show_rows(title: str, rows: Table, count: int) -> None:
    show(Text(), line(text(title, "dim"), "" if count else " none"))
    if count:
        show(Padding(rows, (0, 0, 0, 2), expand=False))


def _history_table(transitions: Sequence[Mapping[str, Any]], rule: Rule | None) -> Table:
    rows = [
        [
            moment(row["transitioned_at"]),
            str(row["episode"]),
            f"{row['from_state']} -> {row['to_state']}",
            severity(row["severity"]),
            value_of(row["value"], rule),
            row["event"] or "",
            row["reason"] or "",
        ]
        for row in transitions
    ]
    return table(("when (UTC)", "episode", "change", "severity", "value", "tells", "says"), rows, right=("episode", "value"))


def _notification_table(notifications: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            moment(row["queued_at"]),
            row["channel"],
            row["event"],
            row["status"],
            str(row["attempts"]),
            moment(row["sent_at"]),
            row["reason"] or "",
        ]
        for row in notifications
    ]
    return table(("queued (UTC)", "channel", "event", "status", "attempts", "sent (UTC)", "why not"), rows, right=("attempts",))


def episode_table(episodes: Sequence[Episode], rule: Rule) -> Table:
    """Replayed episodes, a line each."""
    rows: list[list[str | Text]] = [
        [
            about(episode.subject, dict(episode.labels)),
            severity(episode.severity),
            moment(episode.started_at),
            moment(episode.ended_at) or "goes on",
            value_of(episode.peak, as_judged(episode.unit, rule)),
            ", ".join(event for event, _ in episode.told) or "nothing",
        ]
        for episode in episodes
    ]
    return table(("subject", "severity", "from (UTC)", "to (UTC)", "peak value", "would have told"), rows, right=("peak value",))
