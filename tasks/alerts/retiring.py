"""Retirements: somebody says that a host, a scan or the like has left for good. Its alerts end at once as gone, and what the rules
see of it counts no more, until there are data that are newer than that."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import duckdb
import polars as pl

from storage.frames import fetch, registered
from storage.sql_files import sql_beside
from tasks.alerts.evaluation import Transition, retire
from tasks.alerts.states import Alert, Observation
from tasks.matchers import alert_labels
from tasks.silences import Silence, end_silence

REMEMBERED = timedelta(days=8)
"""So far back rules look for a host; what nothing reports for so long has no old news left."""
NOT_BY_THE_HOUR = timedelta(hours=2)
"""Samples of this last while may not be counted by the hour yet."""
OURSELVES = "govpulse"
Seen = Mapping[str, Sequence[Observation]]


def in_force(silences: Iterable[Silence]) -> list[Silence]:
    """The retirements among them that hold; an evaluation that began before one and ends after it knows of it, too."""
    return [each for each in silences if each.kind == "retire" and each.ended_at is None]


def newest_data(
    con: duckdb.DuckDBPyConnection, asked: Sequence[Silence], since: datetime, samples_since: datetime, as_of: datetime
) -> dict[str, datetime]:
    """By id of the retirement when the newest data about its subject are from, of those from `since` to `as_of`.

    Args:
        samples_since: from when on samples of hosts are looked at themselves; what is known of them by the hour is from `since` on.
    """
    rows = [{"id": each.silence_id, "subject": subject_of(each), "parts": _parts(each)} for each in asked]
    schema: pl.Schema = pl.Schema([("id", pl.String()), ("subject", pl.String()), ("parts", pl.List(pl.String()))])
    with registered(con, "asked", pl.DataFrame(rows, schema=schema)):
        found = fetch(con, sql_beside(__file__, "newest_data"), {"since": since, "samples_since": samples_since, "as_of": as_of})
    return dict(found.rows())


def subject_of(retirement: Silence) -> str:
    return next(each.value for each in retirement.matchers if each.label == "subject")


def _parts(retirement: Silence) -> list[str]:
    return [each.value for each in retirement.matchers if each.label != "subject"]


def covers(retirement: Silence, rule: str, subject: str, labels: Iterable[tuple[str, str]]) -> bool:
    """Whether what was retired is what an alert is about."""
    named = alert_labels(rule, subject, None, labels)
    return all(each.matches(named.get(each.label, "")) for each in retirement.matchers)


def without_retired(con: duckdb.DuckDBPyConnection, seen: Seen, retired: Sequence[Silence], as_of: datetime) -> Seen:
    """What the rules saw, without the old news about what was retired. A retirement ends by itself where there are newer data, and
    where nothing has reported its subject for longer than rules look back."""
    by_subject: dict[str, list[Silence]] = {}
    for each in retired:
        by_subject.setdefault(subject_of(each), []).append(each)
    told_of = {
        each.silence_id: each
        for rule, found in seen.items()
        for one in found
        for each in by_subject.get(one.subject, ())
        if covers(each, rule, one.subject, one.labels)
    }
    back = _with_newer_data(con, list(told_of.values()), as_of)
    lapsed = {each.silence_id for each in retired if each.silence_id not in told_of and as_of - each.starts_at > REMEMBERED}
    for silence_id in sorted(back | lapsed):
        end_silence(con, silence_id, OURSELVES, as_of)
    hidden = {
        subject: left for subject, of_it in by_subject.items() if (left := [each for each in of_it if each.silence_id not in back])
    }
    return {rule: [one for one in found if not _is_hidden(rule, one, hidden)] for rule, found in seen.items()} if hidden else seen


def _with_newer_data(con: duckdb.DuckDBPyConnection, told_of: Sequence[Silence], as_of: datetime) -> set[str]:
    if not told_of:
        return set()
    since = max(min(each.starts_at for each in told_of), as_of - REMEMBERED)
    newest = newest_data(con, told_of, since, max(since, as_of - NOT_BY_THE_HOUR), as_of)
    return {each.silence_id for each in told_of if each.silence_id in newest and newest[each.silence_id] > each.starts_at}


def _is_hidden(rule: str, seen: Observation, hidden: Mapping[str, Sequence[Silence]]) -> bool:
    return any(covers(each, rule, seen.subject, seen.labels) for each in hidden.get(seen.subject, ()))


def ends_of(retirement: Silence, alerts: Iterable[Alert]) -> list[Transition]:
    """The ends of what is open about what is retired."""
    about = [each for each in alerts if covers(retirement, each.rule, each.subject, each.labels)]
    return [retire(each, retirement.author, retirement.reason, retirement.starts_at) for each in about]


def undo(con: duckdb.DuckDBPyConnection, retired: Iterable[Silence], by: str, at: datetime, actor: str) -> None:
    """End retirements."""
    for each in retired:
        end_silence(con, each.silence_id, by, at, actor)
