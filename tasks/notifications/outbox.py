"""The outbox's I/O: takes the next row of a channel to be sent, and writes down how it went. Each is one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import TABLES
from storage.frames import fetch, registered
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import upsert_rows
from tasks.notifications.channels import Channel
from tasks.notifications.digests import end_digests, group, remind
from tasks.notifications.dispatch import ACTIVE, OPEN, CurrentAlert, Notification, Situation, decide, hold, is_due, next_row
from tasks.notifications.outcomes import Outcome
from tasks.notifications.retries import GIVE_UP, backoff
from tasks.routes import closed_routes
from tasks.silences import read_silences

TABLE = TABLES["alerts.notifications"]
COLUMNS = tuple(each.name for each in fields(Notification))
REFUSED = "refused: "
DIED = "whoever sent it died before saying how it went"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Taken:
    """What there is to send now, if anything; else when to look again, if ever."""

    row: Notification | None = None
    look_again_at: datetime | None = None


def channels_with_work(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The channels that have rows of which something may become."""
    return [row[0] for row in con.execute(sql_beside(__file__, "channels_with_work"), {"active": list(ACTIVE)}).fetchall()]


def take(con: duckdb.DuckDBPyConnection, channel: Channel, now: datetime) -> Taken:
    """Decide over the channel's rows, and mark the next one as being sent. The caller holds the channel's lock, so that a row being
    sent already belonged to one that died."""
    with transaction(con):
        found = _rows(con, "open_rows", channel.name)
        rows = [_recovered(row, now) for row in found]
        digests = _rows(con, "open_digests", channel.name)
        situation = _situation(con, channel, [*rows, *digests], now)
        ends, revived = end_digests(digests, rows, situation.alerts, now)
        ended = {end.fingerprint for end in ends}
        going_on = [digest for digest in digests if digest.fingerprint not in ended]
        decided = decide(_replaced(rows, [*ends, *revived]), situation)
        reminded = remind(decided, going_on, situation.grouped, now)
        after = hold(group(reminded, now) if channel.is_for_people else decided, situation)
        row = next_row(after, situation)
        if row is not None:
            row = replace(row, status="sending", reason_code=None, reason=None, attempts=row.attempts + 1)
            after = _replaced(after, [row])
        _write(con, _changed(found, after), now)
    return Taken(row, None if row else _look_again(after, situation))


def going_on(con: duckdb.DuckDBPyConnection, channel: str) -> list[str]:
    """The messages, as JSON, by which the channel was last told of what goes on."""
    return [row[0] for row in con.execute(sql_beside(__file__, "told_and_active"), {"channel": channel}).fetchall()]


def record(con: duckdb.DuckDBPyConnection, row: Notification, outcome: Outcome, now: datetime) -> None:
    """How sending the row went."""
    with transaction(con):
        _write(con, [_after(con, row, outcome, now)], now)


def _after(con: duckdb.DuckDBPyConnection, row: Notification, outcome: Outcome, now: datetime) -> Notification:
    if outcome.is_delivered:
        return replace(row, status="sent", reason_code=None, reason=None, next_attempt_at=None, sent_at=now)
    failures = row.attempts
    if outcome.is_channel_wide:
        failures = 1 + sum(each.attempts for each in _rows(con, "open_rows", row.channel) if _tells_of_channel(each))
    is_given_up = now - row.queued_at >= GIVE_UP
    return replace(
        row,
        status="dead" if is_given_up else "failed",
        reason_code="failed" if outcome.is_channel_wide else "refused",
        reason=("" if outcome.is_channel_wide else REFUSED) + (outcome.problem or "no reason given"),
        next_attempt_at=now + backoff(failures, outcome.retry_after, row.channel),
        is_maybe_received=row.is_maybe_received or outcome.is_maybe_received,
    )


def _recovered(row: Notification, now: datetime) -> Notification:
    if row.status != "sending":
        return row
    return replace(row, status="failed", reason_code="unanswered", reason=DIED, next_attempt_at=now, is_maybe_received=True)


def _replaced(rows: Iterable[Notification], others: Sequence[Notification]) -> list[Notification]:
    """The rows, those of the same identity replaced, new ones at the end."""
    by_id = {row.notification_id: row for row in rows} | {row.notification_id: row for row in others}
    return list(by_id.values())


def _changed(before: Sequence[Notification], after: Sequence[Notification]) -> list[Notification]:
    known = {row.notification_id: row for row in before}
    return [row for row in after if known.get(row.notification_id) != row]


def _rows(con: duckdb.DuckDBPyConnection, select: str, channel: str) -> list[Notification]:
    found = fetch(con, sql_beside(__file__, select), {"channel": channel}).select(COLUMNS)
    rows = found.with_columns(pl.col("is_maybe_received").fill_null(value=False)).iter_rows(named=True)
    return [Notification(**row | {"routes": tuple(row["routes"] or ())}) for row in rows]


def _write(con: duckdb.DuckDBPyConnection, rows: Sequence[Notification], now: datetime) -> None:
    upsert_rows(con, TABLE, [vars(row) | {"updated_at": now} for row in rows])


def _situation(con: duckdb.DuckDBPyConnection, channel: Channel, rows: Sequence[Notification], now: datetime) -> Situation:
    (pace,) = fetch(con, sql_beside(__file__, "channel_state"), {"channel": channel.name, "now": now}).to_dicts()
    asked = pl.DataFrame({"fingerprint": list({row.fingerprint for row in rows})}, schema={"fingerprint": pl.String})
    with registered(con, "asked", asked):
        alerts = _alerts(con)
        told = con.execute(sql_beside(__file__, "told_episodes"), {"channel": channel.name}).fetchall()
        grouped = con.execute(sql_beside(__file__, "grouped_episodes"), {"channel": channel.name}).fetchall()
    return Situation(
        now=now,
        alerts=alerts,
        silences=read_silences(con),
        inhibitors=_inhibitors(con),
        told=frozenset((fingerprint, episode) for fingerprint, episode, _ in told),
        told_at={(fingerprint, episode): at for fingerprint, episode, at in told if at is not None},
        grouped={(fingerprint, episode): digest for fingerprint, episode, digest in grouped},
        paused=_paused(rows, pace["last_sent_at"], now),
        full=_full(channel, pace),
        closed=closed_routes(channel.routes, now),
    )


def _alerts(con: duckdb.DuckDBPyConnection) -> Mapping[str, CurrentAlert]:
    rows = con.execute(sql_beside(__file__, "alerts_asked_for")).fetchall()
    return {key: CurrentAlert(rule, subject, tuple(sorted(labels.items())), *rest) for key, rule, subject, labels, *rest in rows}


def _inhibitors(con: duckdb.DuckDBPyConnection) -> Mapping[tuple[str, str], list[tuple[str, dict[str, str]]]]:
    """(rule that is inhibited, subject) -> rule and labels of the active alerts that do it."""
    found: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = {}
    rows = con.execute(sql_beside(__file__, "inhibitors"), {"active": list(ACTIVE)}).fetchall()
    for inhibited, subject, rule, labels in rows:
        found.setdefault((inhibited, subject), []).append((rule, labels))
    return found


def _paused(rows: Sequence[Notification], last_sent_at: datetime | None, now: datetime) -> tuple[datetime, str] | None:
    latest = max(filter(_tells_of_channel, rows), key=lambda row: row.updated_at, default=None)
    if latest is None or latest.next_attempt_at is None or (last_sent_at and last_sent_at > latest.updated_at):
        return None
    return None if is_due(latest, now) else (latest.next_attempt_at, latest.reason or "")


def _tells_of_channel(row: Notification) -> bool:
    """Whether it failed as any other would have."""
    return row.status == "failed" and row.reason_code == "failed"


def _full(channel: Channel, pace: Mapping[str, Any]) -> tuple[datetime, str] | None:
    if not channel.is_for_people or pace["sent_in_minute"] < channel.per_minute:
        return None
    return pace["first_in_minute"] + MINUTE, f"{channel.per_minute} a minute"


def _look_again(rows: Sequence[Notification], situation: Situation) -> datetime | None:
    waiting = [row for row in rows if row.status in OPEN and row.reason_code != "off_hours"]
    if not waiting:
        return None
    if situation.paused is not None:
        return situation.paused[0]
    if situation.full is not None:
        return situation.full[0]
    return min((row.next_attempt_at for row in waiting if row.next_attempt_at), default=None)
