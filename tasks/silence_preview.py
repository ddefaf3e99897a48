"""What a silence would have held back lately, if it had been there: by what there was to tell since."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from storage.frames import fetch
from storage.sql_files import sql_beside
from tasks.matchers import alert_labels
from tasks.silences import Silence, matches

LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Told:
    """What there was to tell of an alert at an instant; an end is none, for it follows what was told before."""

    fingerprint: str
    rule: str
    subject: str
    severity: str | None
    labels: Mapping[str, str]
    event: str
    at: datetime


def would_have_held(silence: Silence, events: Iterable[Told]) -> list[Told]:
    """The events that it would have held back; one that does not recur is taken to have held all the time."""
    always = replace(silence, starts_at=datetime.min.replace(tzinfo=silence.starts_at.tzinfo), expires_at=None)
    return [event for event in events if matches(always, _labels(event), event.at)]


def _labels(event: Told) -> Mapping[str, str]:
    return alert_labels(event.rule, event.subject, event.severity, event.labels.items())


def told_since(con: duckdb.DuckDBPyConnection, since: datetime) -> list[Told]:
    """All there was to tell, to whomever, the oldest first."""
    rows = fetch(con, sql_beside(__file__, "told_since"), {"since": since})
    return [_told(row) for row in rows.iter_rows(named=True)]


def _told(row: Mapping[str, Any]) -> Told:
    return Told(**{**row, "labels": json.loads(row["labels"] or "{}")})
