"""What people do about one alert, from the command line, from its page, or by a link in a message; durable once it returns."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from storage.errors import ConfigurationError
from storage.relations import has_rows
from tasks.alerts.sentences import identifying
from tasks.alerts.states import ACTIVE
from tasks.alerts.stored_alerts import the_alert
from tasks.matchers import Matcher
from tasks.silences import Silence, ack_of, add_silence, new_ack, new_silence, read_silences


@dataclass(frozen=True)
class By:
    """Who acts, and why.

    Args:
        actor: for ops.audit_log; the author by default.
        permit: of a link in a message its mark; it is good for one act.
    """

    author: str
    reason: str
    actor: str | None = None
    permit: str | None = None


@dataclass(frozen=True)
class Acted:
    """What was made, or what was there already."""

    alert: dict[str, Any]
    made: Silence
    is_new: bool


def acknowledge(con: duckdb.DuckDBPyConnection, fingerprint: str, by: By, now: datetime, episode: int | None = None) -> Acted:
    """Acknowledge the running episode of the alert whose fingerprint begins so, if nobody has.

    Args:
        episode: the one that is meant; by default whichever runs.

    Raises:
        ConfigurationError: there is no such alert, it is over, the link was used, or nobody says who and why.
    """
    alert = _that_runs(con, fingerprint, episode, by)
    there = ack_of(alert["fingerprint"], alert["episode"], read_silences(con))
    if there is not None:
        return Acted(alert, there, is_new=False)
    made = new_ack(alert["fingerprint"], alert["episode"], by.author, by.reason, now)
    return Acted(alert, add_silence(con, replace(made, permit=by.permit), by.actor), is_new=True)


def silence_one(
    con: duckdb.DuckDBPyConnection, fingerprint: str, length: timedelta, by: By, now: datetime, episode: int | None = None
) -> Acted:
    """Silence this alert, and no other, from now on for a while; the rest as for `acknowledge`."""
    alert = _that_runs(con, fingerprint, episode, by)
    labels = sorted(alert["labels"].items())
    own = identifying(alert["fingerprint"], alert["rule"], alert["subject"], labels)
    named = {"rule": alert["rule"], "subject": alert["subject"], **dict(own)}
    matchers = [Matcher(label, "=", text) for label, text in named.items()]
    made = new_silence(matchers, by.author, by.reason, now, now + length, now)
    return Acted(alert, add_silence(con, replace(made, permit=by.permit), by.actor), is_new=True)


def _that_runs(con: duckdb.DuckDBPyConnection, fingerprint: str, episode: int | None, by: By) -> dict[str, Any]:
    alert = the_alert(con, fingerprint)
    if by.permit and has_rows(con, "alerts.silences", "permit = $permit", {"permit": by.permit}):
        raise ConfigurationError("this link has been used; it is good for once")
    said = f"{alert['rule']} of {alert['subject']}"
    if alert["state"] not in ACTIVE:
        raise ConfigurationError(f"{said} is {alert['state']}; there is nothing to acknowledge or to silence")
    if episode not in (None, alert["episode"]):
        raise ConfigurationError(f"{said} ended and has fired anew since; this is about its episode {episode}")
    return alert
