"""How alerts stand, for people: read from the warehouse, so that an ack or a silence shows as soon as it is made."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import duckdb

from storage.errors import ConfigurationError
from storage.frames import fetch
from storage.sql_files import sql_beside
from tasks.alerts.in_force import read_definition, stored_rules
from tasks.alerts.rule import Rule
from tasks.alerts.states import ACTIVE
from tasks.matchers import alert_labels
from tasks.silences import Silence, ack_of, is_valid, quiet_until, silence_of

SINCE = {"pending": "pending_since", "resolved": "resolved_at", "gone": "resolved_at", "inactive": "updated_at"}


def rules_at_last(con: duckdb.DuckDBPyConnection) -> dict[str, Rule]:
    """The rules of the last evaluation by name, without those that this govpulse cannot read."""
    rules: dict[str, Rule] = {}
    for row in stored_rules(con).iter_rows(named=True):
        with suppress(ValueError):
            rules[row["name"]] = read_definition(row["definition"])
    return rules


def alerts_as_stored(con: duckdb.DuckDBPyConnection, fingerprint: str = "") -> list[dict[str, Any]]:
    """The alerts whose fingerprint begins so, the worst and longest first."""
    rows = fetch(con, sql_beside(__file__, "alerts_as_stored"), {"active": list(ACTIVE), "fingerprint": fingerprint})
    return [
        row | {"labels": json.loads(row["labels"] or "{}"), "since": row[SINCE.get(row["state"], "firing_since")]}
        for row in rows.iter_rows(named=True)
    ]


def with_quiet(alerts: Sequence[dict[str, Any]], silences: Sequence[Silence], now: datetime) -> list[dict[str, Any]]:
    """The alerts, each with who acknowledged it and who silences it."""
    valid = [silence for silence in silences if silence.kind == "silence" and is_valid(silence, now)]
    acks: dict[str, list[Silence]] = {}
    for ack in (silence for silence in silences if silence.kind == "ack"):
        acks.setdefault(str(ack.fingerprint), []).append(ack)
    return [alert | _quiet(alert, acks.get(alert["fingerprint"], []), valid, now) for alert in alerts]


def _quiet(alert: dict[str, Any], acks: Sequence[Silence], silences: Sequence[Silence], now: datetime) -> dict[str, Any]:
    ack = ack_of(alert["fingerprint"], alert["episode"], acks) if alert["state"] in ACTIVE else None
    silence = silence_of(alert_labels(alert["rule"], alert["subject"], alert["severity"], alert["labels"].items()), silences, now)
    return {
        "acked_by": ack and ack.author,
        "ack": ack and ack.silence_id,
        "silenced_until": silence and quiet_until(silence, now),
        "silenced_by": silence and silence.author,
        "silence": silence and silence.silence_id,
    }


def the_alert(con: duckdb.DuckDBPyConnection, fingerprint: str) -> dict[str, Any]:
    """The one alert whose fingerprint begins so.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    found = alerts_as_stored(con, fingerprint) if fingerprint else []
    exact = [alert for alert in found if alert["fingerprint"] == fingerprint] or found
    if not exact:
        raise ConfigurationError(f"no alert {fingerprint!r}; `govpulse alerts list --all` shows all")
    if len(exact) > 1:
        named = ", ".join(alert["fingerprint"] for alert in exact[:5]) + (", ..." if len(exact) > 5 else "")
        raise ConfigurationError(f"{len(exact)} alerts begin with {fingerprint}; give more letters: {named}")
    return exact[0]


def history_of(con: duckdb.DuckDBPyConnection, fingerprint: str) -> list[dict[str, Any]]:
    """The transitions of an alert, the oldest first."""
    return fetch(con, sql_beside(__file__, "transitions_of_alert"), {"fingerprint": fingerprint}).to_dicts()


def notifications_of(con: duckdb.DuckDBPyConnection, fingerprint: str) -> list[dict[str, Any]]:
    """What was told of an alert, or why not, the oldest first."""
    return fetch(con, sql_beside(__file__, "notifications_of_alert"), {"fingerprint": fingerprint}).to_dicts()
