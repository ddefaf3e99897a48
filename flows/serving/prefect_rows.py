"""Prefect's own database without a person who is forgotten: artifacts, events, logs, parameters, whatever there is.

Goes by what the database says its tables are, not by what a version of Prefect calls them, and works while a server has it open.
Data stay what they are: JSON stays JSON, base64 stays base64, a picture is no text.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import GovpulseError
from storage.people.mentions import EXAMPLES, Holding, held_in
from storage.people.person import Person, codes, in_base64, in_document, spellings
from storage.quoting import quote_name
from storage.sql_files import sql_beside

BUSY_SECONDS = 60.0
"""How long a writer of the server may take."""
PAGES = ("artifact", "artifact_collection")
PAGE_OF_FINDINGS = "what-to-do"


@dataclass(frozen=True)
class PrefectColumn:
    """A column that may hold texts, and how a row of its table is found again."""

    table: str
    name: str
    row: str


def take_out(path: Path, people: Sequence[Person], *, is_told: bool) -> int:
    """Take the people out of every text of the database at `path`, and write its file anew; returns how many values changed.

    Where their ids cannot be told from numbers and words, the pages and events that are about them go instead.

    Raises:
        GovpulseError: the database is damaged, or stays busy.
    """
    try:
        with closing(_open(path)) as con:
            changed = sum(_take_out(con, person, is_told) for person in people)
            con.execute("VACUUM")
            _empty_log(con, path)
            return changed
    except sqlite3.Error as error:
        raise GovpulseError(f"cannot remove the person from {path}: {error}; stop what uses it and run forget again") from error


def held(path: Path, people: Sequence[Person]) -> list[Holding]:
    """What holds them still, as a part of longer ids.

    Raises:
        GovpulseError: the database is damaged, or stays busy.
    """
    try:
        with closing(_open(path)) as con:
            found = [_holding(con, column, person) for person in people for column in _columns(con)]
            return [holding for holding in found if holding.rows]
    except sqlite3.Error as error:
        raise GovpulseError(f"cannot read {path}: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    con = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    con.text_factory = bytes
    con.execute("PRAGMA secure_delete = ON")
    return con


def _take_out(con: sqlite3.Connection, person: Person, is_told: bool) -> int:
    con.execute("BEGIN IMMEDIATE")
    try:
        done = sum(_change(con, column, person) for column in _columns(con)) if is_told else _drop_pages(con, person.user_id)
        con.execute("COMMIT")
        return done
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _columns(con: sqlite3.Connection) -> list[PrefectColumn]:
    """Every column of every table but SQLite's own."""
    tables = con.execute(sql_beside(__file__, "tables.sqlite")).fetchall()
    found = []
    for name, has_no_rowid in ((name.decode(), wr) for name, wr in tables):
        if name.startswith("sqlite_"):
            continue
        columns = con.execute(sql_beside(__file__, "columns.sqlite"), {"name": name}).fetchall()
        key = ", ".join(f"CAST({quote_name(column.decode())} AS BLOB)" for column, pk in columns if pk) if has_no_rowid else "rowid"
        found += [PrefectColumn(name, column.decode(), key) for column, _ in columns]
    return found


def _rows(con: sqlite3.Connection, column: PrefectColumn, person: Person) -> Iterator[tuple[tuple[object, ...], bytes]]:
    """The values that may hold the person, each with the key of its row."""
    name, marks = quote_name(column.name), [*spellings(person.user_id), *codes(person.user_id)]
    where = " OR ".join(f"instr(CAST({name} AS BLOB), ?)" for _ in marks)
    sql = f"SELECT {name}, {column.row} FROM {quote_name(column.table)} WHERE typeof({name}) IN ('text', 'blob') AND ({where})"
    for value, *key in con.execute(sql, marks).fetchall():
        yield tuple(key), value


def _change(con: sqlite3.Connection, column: PrefectColumn, person: Person) -> int:
    done = 0
    for key, value in _rows(con, column, person):
        before = value.decode(errors="surrogateescape")
        after = in_document(before, _without(person))
        if after != before:
            _put(con, column, key, after)
            done += 1
    return done


def _without(person: Person) -> Callable[[str], str]:
    def change(text: str) -> str:
        return in_base64(person.without(text), lambda inner: in_document(inner, person.without))

    return change


def _put(con: sqlite3.Connection, column: PrefectColumn, key: tuple[object, ...], after: str) -> None:
    name, row = quote_name(column.name), f"({column.row}) = ({', '.join('?' * len(key))})"
    after_type = f"CASE typeof({name}) WHEN 'blob' THEN ? ELSE CAST(? AS TEXT) END"
    sql = f"UPDATE {quote_name(column.table)} SET {name} = {after_type} WHERE {row}"
    content = after.encode(errors="surrogateescape")
    try:
        con.execute(sql, [content, content, *key])
    except sqlite3.IntegrityError:  # another row has become the same, where no two may be
        content += b" " + hashlib.sha256(repr(key).encode()).hexdigest()[:16].encode()
        con.execute(sql, [content, content, *key])


def _holding(con: sqlite3.Connection, column: PrefectColumn, person: Person) -> Holding:
    found = [held_in(value.decode(errors="surrogateescape"), person) for _, value in _rows(con, column, person)]
    examples = sorted({word for words in found for word in words})
    return Holding(f"prefect.db {column.table}.{column.name}", sum(1 for words in found if words), tuple(examples[:EXAMPLES]))


def _drop_pages(con: sqlite3.Connection, user_id: str) -> int:
    """Pages of findings, tables with rows about them, and events about them."""
    tables, done = {column.table for column in _columns(con)}, 0
    for name in (name for name in PAGES if name in tables):
        found = con.execute(f"SELECT rowid, key = ?, data FROM {name}", [PAGE_OF_FINDINGS]).fetchall()
        gone = [(row,) for row, is_of_findings, data in found if is_of_findings or _is_about(data, user_id)]
        con.executemany(f"DELETE FROM {name} WHERE rowid = ?", gone)
        done += len(gone)
    if {"events", "event_resources"} <= tables:
        found = con.execute(sql_beside(__file__, "events_of_subjects.sqlite")).fetchall()
        gone = [(event,) for event, payload in found if _is_about(payload, user_id)]
        for name, column in (("event_resources", "event_id"), ("events", "id")):
            con.executemany(f"DELETE FROM {name} WHERE {column} = CAST(? AS TEXT)", gone)
        done += len(gone)
    return done


def _is_about(document: bytes | None, user_id: str) -> bool:
    """Whether anything in a document has them for its subject."""
    try:
        return _has_subject(json.loads(document or b"null"), user_id)
    except ValueError:
        return False


def _has_subject(part: Any, user_id: str) -> bool:
    if isinstance(part, str):
        return part[:1] in ("[", "{") and _is_about(part.encode(), user_id)
    if isinstance(part, dict):
        return part.get("subject") == user_id or any(_has_subject(each, user_id) for each in part.values())
    return isinstance(part, list) and any(_has_subject(each, user_id) for each in part)


def _empty_log(con: sqlite3.Connection, path: Path) -> None:
    """The write-ahead log has old pages until nobody reads them."""
    patience_ends = time.monotonic() + BUSY_SECONDS
    while con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > patience_ends:
            raise GovpulseError(f"cannot empty the log of {path}: it stays in use; stop what uses it and run forget again")
        time.sleep(0.1)
