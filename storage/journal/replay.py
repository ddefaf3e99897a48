"""The journal played again on an older warehouse: what was committed since, in the order in which it was.

The warehouse says from which entry on. Each entry's number is noted in the warehouse with what it did, so a replay that was killed
goes on where it was, the journal stays as it is, and backup and journal are the whole truth afterwards as before. Rows are put by
their keys, landing files loaded by the loader as of the instant at which they were, and acts done again by the functions that did
them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl

from storage.catalogue import DATASETS, GOVERNANCE, LANDED, TABLES, Table
from storage.errors import GovpulseError, first_line
from storage.frames import registered, schema_of
from storage.home import Home
from storage.intake.future import take_back_future
from storage.intake.landed_file import LandedFile, read_footer
from storage.intake.landing_names import plain_name
from storage.intake.ledger import is_recorded, record
from storage.intake.listings import insist_on_gone
from storage.intake.loading import check_group, load_checked
from storage.intake.rejected_rows import forget_replayed
from storage.intake.sources import rename_source
from storage.journal.files import (
    Did,
    Entry,
    begin_segment,
    entries_of,
    find_landed,
    lines,
    read,
    segments,
)
from storage.journal.noting import committed_number, note_left_out, silent, spoken
from storage.maintenance import expire
from storage.people.forgetting_again import forget_again
from storage.people.person_secret import find_pseudonyms
from storage.people.stored_addresses import hash_stored
from storage.relations import has_rows
from storage.transaction import set_number, transaction
from storage.write import remove, upsert

BY_PEOPLE = ("alerts.silences", "ops.audit_log")
"""Tables of what people do by hand: from after an instant they are left out where somebody wants to go back to it."""
BY_HAND = "load"
"""The source of rows that somebody loads by hand."""
REWRITTEN = ("forget", "forget_again", "hash_stored")
"""Acts behind which the warehouse is written anew, for deleted rows stay readable in the file."""


@dataclass
class Replayed:
    """What became of the journal.

    Attributes:
        entries: how many were played again.
        last_at: when the last one of them was written.
        rows: put or removed, by table.
        files: landing files loaded again.
        left_out: what is from after `until`: rows by table, and landing files loaded by hand by their dataset.
        lost: what could not be played again, and when it was done: damaged lines, missing or damaged files, acts that failed.
        forgotten: rows that named somebody who had been forgotten, by table.
        needs_rewriting: somebody was taken out, or hashed: the file still holds them until it is compacted.
    """

    entries: int = 0
    last_at: datetime | None = None
    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    forgotten: Counter[str] = field(default_factory=Counter)
    needs_rewriting: bool = False


@dataclass(frozen=True)
class Place:
    """Where an entry is, and what it says of others."""

    segment: int
    offset: int
    after: int
    at: datetime
    left_out: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Replay:
    """One replay that goes on.

    Attributes:
        home: whose journal it is.
        among: the segments in which kept files are looked for.
        until: what people did by hand after it is left out.
        left_out: what earlier ones have left out, by entry and place in it.
        now_out: what this one leaves out.
        withheld: keys of silences that are left out: nothing that comes later puts them.
    """

    con: duckdb.DuckDBPyConnection
    home: Home
    among: Sequence[int]
    until: datetime | None
    left_out: frozenset[tuple[int, int]]
    done: Replayed
    now_out: list[tuple[int, int]] = field(default_factory=list)
    withheld: set[tuple[Any, ...]] = field(default_factory=set)


def replay(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    among: Sequence[int] | None = None,
    until: datetime | None = None,
    *,
    keeps: bool = True,
) -> Replayed:
    """Play again what the journal has and the migrated warehouse that `con` holds has not.

    A backup that was put in the warehouse's place is opened after `begin_segment`, or by itself, and not as the warehouse before it
    has been played up to date.

    Args:
        among: the segments to read; by default all.
        until: silences, acks, the audit log and what was loaded by hand end there. What was told cannot be untold, people stay
            forgotten, and what came from sources stays.
        keeps: note what was left out, so that it is the next time, too.
    """
    among = list(segments(home) if among is None else among)
    done = Replayed()
    places = _index(home, among, done)
    path = _path(places, committed_number(con) or 0, done)
    left_out = frozenset(each for number in path for each in places[number].left_out)
    playing = Replay(con, home, among, until, left_out, done)
    with silent(con):
        for number in path:
            _play(playing, _read(home, places[number]))
    if playing.now_out and keeps:
        begin_segment(home)
        with spoken(con, home), transaction(con):
            note_left_out(con, playing.now_out)
    return done


def _index(home: Home, among: Sequence[int], done: Replayed) -> dict[int, Place]:
    """Every whole entry by its number; damaged lines are told by where they are, and by the time of the one before."""
    places: dict[int, Place] = {}
    at = "the beginning"
    for segment in among:
        for line_number, offset, line in lines(home, segment):
            entry = read(line)
            if entry is None:
                done.lost.append(f"line {line_number} of {entries_of(home, segment)} is damaged; it was written soon after {at}")
                continue
            at = f"{entry.at:%Y-%m-%d %H:%M:%S}"
            left_out = tuple((number, place) for each in entry.did for number, place in each.get("left_out", ()))
            places[entry.number] = Place(segment, offset, entry.after, entry.at, left_out)
    return places


def _path(places: Mapping[int, Place], start: int, done: Replayed) -> list[int]:
    """The numbers of the entries that led from the entry `start` to the newest, in order.

    Each says after which one it was committed. Where that one cannot be read, the one before it is taken.
    """
    seen: set[int] = set()
    for tip in sorted((number for number in places if number > start), reverse=True):
        path, number = [], tip
        while number > start and number not in seen:
            seen.add(number)
            if number in places:
                path.append(number)
                number = places[number].after
            else:
                number -= 1
        if number == start:
            done.lost += _missing(places, start, path[::-1], len(done.lost))
            return path[::-1]
    return []


def _missing(places: Mapping[int, Place], start: int, path: Sequence[int], damaged: int) -> list[str]:
    """That more entries are missing than those whose damaged lines are told already."""
    gaps = [places[number].after - before for before, number in pairwise((start, *path))]
    missing = sum(gap for gap in gaps if gap > 0) - damaged
    return [f"{missing} entries of the journal are missing"] if missing > 0 else []


def _read(home: Home, place: Place) -> Entry:
    with entries_of(home, place.segment).open("rb") as file:
        file.seek(place.offset)
        entry = read(file.readline())
    assert entry is not None
    return entry


def _play(playing: Replay, entry: Entry) -> None:
    """Do again what an entry did. What is done twice, for a replay was killed, is the same as once."""
    playing.done.entries += 1
    playing.done.last_at = entry.at
    rows: list[Did] = []
    for each in _wanted(playing, entry):
        if "table" in each:
            rows.append(each)
            continue
        _put_rows(playing, rows, None)
        rows = []
        if "load" in each:
            _load(playing, entry, each)
        elif "act" in each:
            _act(playing, entry, each)
    _put_rows(playing, rows, entry.number)


def _wanted(playing: Replay, entry: Entry) -> Iterator[Did]:
    """What of an entry is to be done: what acts did that are always done again is not left out."""
    is_over = playing.until is not None and entry.at > playing.until and not any("act" in each for each in entry.did)
    for place, each in enumerate(entry.did):
        if (entry.number, place) in playing.left_out or (is_over and _is_by_people(each)):
            _leave_out(playing, entry.number, place, each)
        else:
            yield each


def _is_by_people(did: Did) -> bool:
    return did.get("table") in BY_PEOPLE if "table" in did else did.get("source") == BY_HAND and "load" in did


def _leave_out(playing: Replay, number: int, place: int, did: Did) -> None:
    if (number, place) not in playing.left_out:
        playing.now_out.append((number, place))
    if "load" in did:
        playing.done.left_out[f"raw.{did['load']}"] += len(did["files"])
        return
    playing.done.left_out[did["table"]] += len(did["put"] if "put" in did else did["removed"])
    if did["table"] == "alerts.silences" and "put" in did:
        playing.withheld.update(_keys(TABLES["alerts.silences"], did))


def _keys(table: Table, did: Did) -> list[tuple[Any, ...]]:
    places = [did["columns"].index(name) for name in table.key]
    return [tuple(row[place] for place in places) for row in did["put"]]


def _put_rows(playing: Replay, changes: Sequence[Did], number: int | None) -> None:
    """Put and remove rows; with a number, the entry is done."""
    if not changes and number is None:
        return
    with transaction(playing.con):
        for each in changes:
            playing.done.rows[each["table"]] += _change(playing, TABLES[each["table"]], each)
        if number is not None:
            set_number(playing.con, number)


def _change(playing: Replay, table: Table, did: Did) -> int:
    """Columns that are newer than the entry become NULL."""
    if "removed" in did:
        with registered(playing.con, "gone_keys", _frame(table, did["columns"], did["removed"])):
            match = " AND ".join(f"gone_keys.{name} = {table.full_name}.{name}" for name in table.key)
            return remove(playing.con, table.full_name, f"EXISTS (SELECT 1 FROM gone_keys WHERE {match})")
    withheld = playing.withheld if table.full_name == "alerts.silences" else ()
    rows = [row for row, key in zip(did["put"], _keys(table, did), strict=True) if key not in withheld]
    frame = _frame(table, did["columns"], rows)
    newer = [pl.lit(None, kind).alias(name) for name, kind in schema_of(table).items() if name not in frame.columns]
    with registered(playing.con, "put_rows", frame.with_columns(newer)):
        return upsert(playing.con, table, "put_rows") if rows else 0


def _frame(table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Rows of the journal with the types of their table, whose columns of today they may not all be."""
    kinds = schema_of(table)
    found = {
        name: pl.Series([_value(row[place], kinds[name]) for row in rows], dtype=kinds[name])
        for place, name in enumerate(columns)
        if name in kinds
    }
    return pl.DataFrame(found)


def _value(value: Any, kind: pl.DataType) -> Any:
    """A value as it was before it became text."""
    if value is None:
        return None
    if isinstance(kind, pl.List):
        assert isinstance(kind.inner, pl.DataType)
        return [_value(each, kind.inner) for each in value]
    return datetime.fromisoformat(value) if isinstance(kind, pl.Datetime) else value


def _load(playing: Replay, entry: Entry, did: Did) -> None:
    """Load kept files as they were loaded, and leave them where they are."""
    table = LANDED[did["load"]]
    files = [file for name, checksum in did["files"] if (file := _file(playing, entry, table, name, checksum)) is not None]
    zero_days = [date.fromisoformat(day) for day in did["zero_days"]]
    if files:
        now, clock = (datetime.fromisoformat(did[name]) for name in ("at", "clock"))
        _load_files(playing, table, files, now, clock, zero_days)


def _file(playing: Replay, entry: Entry, table: Table, name: str, checksum: str) -> LandedFile | None:
    """A kept file; None where it is in already, or, which is told, is missing or damaged."""
    if is_recorded(playing.con, f"{table.name}/{plain_name(name)}"):
        return None
    try:
        path, why = find_landed(playing.home, playing.among, f"{table.name}/{name}", checksum)
        if path is not None:
            return read_footer(table, path)
    except (GovpulseError, OSError) as error:
        why = first_line(error)
    playing.done.lost.append(f"rows of {table.full_name}, loaded at {entry.at:%Y-%m-%d %H:%M:%S}: {why}")
    return None


def _load_files(
    playing: Replay, table: Table, files: Sequence[LandedFile], now: datetime, clock: datetime, zero_days: Sequence[date]
) -> None:
    try:
        check_group(playing.con, table, files, now, zero_days)
    except GovpulseError as error:
        if len(files) > 1:
            for file in files:
                _load_files(playing, table, [file], now, clock, zero_days)
        else:
            playing.done.lost.append(f"rows of {table.full_name}, loaded at {now:%Y-%m-%d %H:%M:%S}: {error}")
        return
    load_checked(playing.con, table, files, now, clock, zero_days)
    playing.done.files += len(files)


def _act(playing: Replay, entry: Entry, did: Did) -> None:
    arguments = {name: datetime.fromisoformat(value) if name in INSTANTS else value for name, value in did["arguments"].items()}
    try:
        ACTS[did["act"]](playing, entry, arguments)
    except (KeyError, GovpulseError) as error:
        playing.done.lost.append(f"{did['act']} of {entry.at:%Y-%m-%d %H:%M:%S}: {first_line(error)}")
    playing.done.needs_rewriting |= did["act"] in REWRITTEN


INSTANTS = ("at", "before", "oldest")
Act = Callable[[Replay, Entry, Mapping[str, Any]], None]


def _rename(playing: Replay, _: Entry, said: Mapping[str, Any]) -> None:
    old, places = {"old": said["old"]}, ("ops.watermarks", *(f"raw.{each}" for each in GOVERNANCE))
    if any(has_rows(playing.con, name, "source = $old", old) for name in places):  # else it is done already
        rename_source(playing.con, said["old"], said["new"], said["actor"], said["at"])


def _quarantine(playing: Replay, _: Entry, said: Mapping[str, Any]) -> None:
    with transaction(playing.con):
        record(playing.con, said["dataset"], said["file"], said["at"], status="quarantined", reason=said["reason"])


def _forget(playing: Replay, entry: Entry, _: Mapping[str, Any]) -> None:
    playing.done.forgotten.update(forget_again(playing.con, entry.at))


def _hash(playing: Replay, _: Entry, said: Mapping[str, Any]) -> None:
    hash_stored(playing.con, find_pseudonyms(playing.con, playing.home, "hash", said["at"]), said["at"])


def _insist(playing: Replay, _: Entry, said: Mapping[str, Any]) -> None:
    insist_on_gone(playing.con, DATASETS[said["dataset"]], said["source"], said["most_deleted_ratio"])


ACTS: Mapping[str, Act] = {
    "rename_source": _rename,
    "quarantine": _quarantine,
    "forget": _forget,
    "forget_again": _forget,
    "hash_stored": _hash,
    "insist_on_gone": _insist,
    "forget_replayed": lambda playing, _, said: forget_replayed(playing.con, said["rejected_ids"], said["before"]),
    "take_back_future": lambda playing, _, said: _take_back(playing, said),
    "expire": lambda playing, _, said: _expire(playing, said),
}


def _take_back(playing: Replay, said: Mapping[str, Any]) -> None:
    take_back_future(playing.con, said["at"])


def _expire(playing: Replay, said: Mapping[str, Any]) -> None:
    expire(playing.con, TABLES[said["table"]], said["oldest"])
