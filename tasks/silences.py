"""Silences, acknowledgements and retirements: what they cover, pure, and their rows in alerts.silences.

A silence covers every alert that all of its matchers hold for. One that recurs holds in the hours of its week only. An ack covers
one episode of one alert. A retirement covers what is about its subject, and silences nothing: that has ended.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

import duckdb
import polars as pl

from storage.audit import record_action
from storage.catalogue import TABLES
from storage.errors import ConfigurationError
from storage.frames import fetch, registered
from storage.relations import has_rows
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import append, update
from tasks.hours import Hours, held_until, is_always, next_start, parse_hours
from tasks.matchers import Matcher, parse_matcher

logger = logging.getLogger(__name__)

ALWAYS_THERE = ("rule", "subject", "severity")
"""Labels that every alert has."""
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Silence:
    """A row of alerts.silences."""

    silence_id: str
    kind: Literal["silence", "ack", "retire"]
    matchers: tuple[Matcher, ...]
    fingerprint: str | None
    episode: int | None
    author: str
    reason: str
    starts_at: datetime
    expires_at: datetime | None
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    every: str | None = None
    zone: str | None = None
    permit: str | None = None

    def __str__(self) -> str:
        return ", ".join(map(str, self.matchers)) or f"episode {self.episode} of alert {self.fingerprint}"

    @property
    def hours(self) -> Hours | None:
        """The hours of the week in which it holds; None: it does not recur."""
        return parse_hours(self.every, self.zone or "UTC") if self.every is not None else None


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """All matchers of one silence.

    Raises:
        ConfigurationError: one is wrong, or together they would hold for alerts that nobody had in mind: there is none, or each
            also holds for an absent label.
    """
    matchers = tuple(dict.fromkeys(parse_matcher(text) for text in texts))
    everything = Matcher("rule", "=~", ".*")
    if not matchers:
        raise ConfigurationError(
            f"a silence needs a matcher, or it would silence everything; if you want that, write '{everything}'"
        )
    if everything not in matchers and not any(_is_specific(matcher) for matcher in matchers):
        said = " and ".join(f"'{matcher}'" for matcher in matchers)
        raise ConfigurationError(f"{said} would also silence every alert without that label; if you want that, add '{everything}'")
    return matchers


def _is_specific(matcher: Matcher) -> bool:
    """Whether it picks alerts out: by a text that is there, or by excluding one of a label that all alerts have."""
    is_exclusion = matcher.operator in ("!=", "!~") and matcher.label in ALWAYS_THERE
    return is_exclusion or not matcher.matches("")


def is_valid(silence: Silence, now: datetime) -> bool:
    """Whether it holds at `now`: it has begun, has not expired, nobody ended it, and it is in its hours."""
    return is_in_force(silence, now) and (silence.every is None or quiet_until(silence, now) is not None)


def is_in_force(silence: Silence, now: datetime) -> bool:
    """Whether it has begun, has not expired, and nobody ended it."""
    if silence.ended_at is not None or now < silence.starts_at:
        return False
    return silence.expires_at is None or now < silence.expires_at


def quiet_until(silence: Silence, now: datetime) -> datetime | None:
    """Until when one that is in force holds: its expiry, or the end of its hours if that is earlier; None outside of them."""
    if silence.hours is None:
        return silence.expires_at
    end = held_until(silence.hours, now)
    return min(end, silence.expires_at or end) if end else None


def matches(silence: Silence, labels: Mapping[str, str], now: datetime) -> bool:
    """Whether a silence holds at `now` for an alert with these labels. An ack matches no labels."""
    if silence.kind != "silence" or not is_valid(silence, now):
        return False
    for matcher in silence.matchers:  # noqa: SIM110 - `all` takes three times as long
        if not matcher.matches(labels.get(matcher.label, "")):
            return False
    return True


def silence_of(alert_labels: Mapping[str, str], silences: Sequence[Silence], now: datetime) -> Silence | None:
    """The silence that keeps the alert quiet; of several the one that does so for longest."""
    found = [silence for silence in silences if matches(silence, alert_labels, now)]
    return max(found, key=lambda silence: (quiet_until(silence, now) or NEVER, silence.silence_id), default=None)


def ack_of(fingerprint: str, episode: int, silences: Sequence[Silence]) -> Silence | None:
    """The ack of this episode; the first of several."""
    found = (
        silence
        for silence in silences
        if silence.fingerprint == fingerprint and silence.episode == episode and silence.kind == "ack" and silence.ended_at is None
    )
    return min(found, key=lambda silence: (silence.created_at, silence.silence_id), default=None)


def new_silence(
    matchers: Sequence[Matcher],
    author: str,
    reason: str,
    starts_at: datetime,
    expires_at: datetime | None,
    now: datetime,
    every: str | None = None,
    zone: str = "UTC",
) -> Silence:
    """A silence made at `now`.

    Args:
        expires_at: None only for one that recurs: until somebody ends it.
        every: the hours of the week in which it holds, of clocks in `zone`; None: it does not recur.

    Raises:
        ConfigurationError: it would never hold, or always, the hours or the zone are none, or nobody says why.
    """
    if expires_at is not None and (expires_at <= starts_at or expires_at <= now):
        raise ConfigurationError(
            f"the silence would end at {expires_at:%Y-%m-%d %H:%M} UTC, before it takes effect; give it a later end"
        )
    made = Silence("", "silence", tuple(matchers), None, None, author, reason, starts_at, expires_at, now)
    if every is not None:
        _check_hours(parse_hours(every, zone), every, max(starts_at, now), expires_at)
        made = replace(made, every=every, zone=zone)
    return _identified(made)


def _check_hours(hours: Hours, every: str, starts_at: datetime, expires_at: datetime | None) -> None:
    if is_always(hours):
        raise ConfigurationError(f"--every {every} is the whole week; leave it out, and say --for how long")
    first = next_start(hours, starts_at)
    if first is None or (expires_at is not None and first >= expires_at):
        raise ConfigurationError(f"--every {every} does not come before the silence ends; give it a later end")


def new_ack(fingerprint: str, episode: int, author: str, reason: str, now: datetime) -> Silence:
    """An ack of one episode, made at `now`."""
    return _identified(Silence("", "ack", (), fingerprint, episode, author, reason, now, None, now))


def new_retirement(subject: str, labels: Mapping[str, str], author: str, reason: str, now: datetime) -> Silence:
    """A retirement made at `now`.

    Args:
        labels: what tells a part of the subject apart, such as one filesystem of a host; none: all of it.
    """
    matchers = (Matcher("subject", "=", subject), *(Matcher(label, "=", text) for label, text in labels.items()))
    return _identified(Silence("", "retire", matchers, None, None, author, reason, now, None, now))


def _identified(silence: Silence) -> Silence:
    if not silence.author.strip() or not silence.reason.strip():
        raise ConfigurationError("a silence, an ack or a retirement needs an author and a reason")
    said = json.dumps(asdict(silence), default=str, sort_keys=True)
    return replace(silence, silence_id=hashlib.sha256(said.encode()).hexdigest()[:8])


def read_silences(con: duckdb.DuckDBPyConnection) -> list[Silence]:
    """Silences and acks that may still matter: nobody ended them, they did not expire more than a day before the last evaluation,
    and of acks those of an alert's last two episodes."""
    return _silences(fetch(con, sql_beside(__file__, "silences_that_matter")))


def read_all_silences(con: duckdb.DuckDBPyConnection) -> list[Silence]:
    """Every silence and ack there has been."""
    return _silences(fetch(con, sql_beside(__file__, "all_silences")))


def _silences(rows: pl.DataFrame) -> list[Silence]:
    return [silence for row in rows.iter_rows(named=True) if (silence := _silence(row)) is not None]


def _silence(row: dict[str, Any]) -> Silence | None:
    """The silence of a row. One that cannot be read, for an older govpulse took more regular expressions or its zone is not known
    here, silences nothing."""
    try:
        matchers = tuple(Matcher(*map(str, parts)) for parts in json.loads(row["matchers"]))
        for matcher in matchers:
            matcher.matches("")
        if row["every"] is not None:
            parse_hours(row["every"], row["zone"] or "UTC")
    except (ConfigurationError, ValueError, TypeError) as error:
        if row["ended_at"] is None:
            logger.warning("silence %s cannot be read and silences nothing; create it again: %s", row["silence_id"], error)
        return None
    return Silence(**{field.name: row[field.name] for field in fields(Silence)} | {"matchers": matchers})


def add_silence(con: duckdb.DuckDBPyConnection, silence: Silence, actor: str | None = None) -> Silence:
    """Store it, durably once this returns; returns it as stored, under another id where its own was taken.

    Args:
        actor: who did it, for ops.audit_log; the author by default.
    """
    with transaction(con):
        return enter_silence(con, silence, actor or silence.author)


def enter_silence(con: duckdb.DuckDBPyConnection, silence: Silence, actor: str) -> Silence:
    """The same, in the caller's transaction."""
    while has_rows(con, "alerts.silences", "silence_id = $silence_id", {"silence_id": silence.silence_id}):
        silence = replace(silence, silence_id=hashlib.sha256(silence.silence_id.encode()).hexdigest()[:8])
    row = {field.name: getattr(silence, field.name) for field in fields(Silence)}
    row["matchers"] = json.dumps([[matcher.label, matcher.operator, matcher.value] for matcher in silence.matchers])
    with registered(con, "silenced", pl.DataFrame([row])):
        append(con, TABLES["alerts.silences"], "silenced")
    record_action(con, silence.kind, f"{silence.silence_id}: {silence}", actor, silence.created_at)
    return silence


def end_silence(con: duckdb.DuckDBPyConnection, silence_id: str, by: str, at: datetime, actor: str | None = None) -> bool:
    """End a silence or an ack, durably once this returns; returns whether it had not ended or expired before.

    Raises:
        ConfigurationError: there is none of this id.
    """
    with transaction(con):
        found = con.execute(sql_beside(__file__, "end_of_silence"), {"silence_id": silence_id}).fetchall()
        if not found:
            raise ConfigurationError(f"no silence {silence_id}; `govpulse alerts silences` lists them")
        ((ended_at, expires_at, kind),) = found
        lasts = ended_at is None and (expires_at is None or at < expires_at)
        if lasts:
            ending = {"ended_at": at, "ended_by": by}
            update(con, "alerts.silences", ending, "silence_id = $silence_id", {"silence_id": silence_id})
            record_action(con, "unretire" if kind == "retire" else "unsilence", silence_id, actor or by, at)
    return lasts
