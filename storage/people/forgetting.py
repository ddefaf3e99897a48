"""Forgetting a person: their id leaves every table, and does not come in again.

What they did happened, and the rates over it stay true; only nobody can say any more by whom. So a column that names them becomes
NULL, and a row goes where it cannot be without the name. What was computed and names them otherwise goes, too: the next computation
makes it anew, without them. Sentences tell of nobody. Ids that contain theirs stay, or get a stand-in for it, the same everywhere.
Of the id a salted hash is kept, by which the loader knows it when an extraction reads it again.

An id that cannot be told from a number or a word is looked for as a whole value only (`people.can_be_told`).
"""

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from storage.audit import record_action
from storage.catalogue import DATASETS, Column
from storage.changes import change
from storage.frames import registered
from storage.journal.noting import note_act
from storage.people.columns import is_of_a_user, user_columns
from storage.people.mentions import (
    PARTS,
    Holding,
    filled_tables,
    holdings,
    is_a_kind,
    namesakes,
    other_people,
    stand_in,
    tables,
    take_mentions_out,
    with_others,
)
from storage.people.person import NOBODY, Person, can_be_told, forms
from storage.people.renaming import rename_rows, renaming_alerts
from storage.people.standing import standing
from storage.relations import count_rows
from storage.sql_files import sql_beside
from storage.transaction import transaction
from storage.write import remove

IS_KNOWN = "sha256((SELECT max(salt) FROM ops.forgotten) || {id}) IN (SELECT forgotten_id FROM ops.forgotten)"
"""SQL: whether `id` is that of somebody forgotten."""
IS_VALUE = (
    "EXISTS (SELECT 1 FROM json_tree({json}) AS part WHERE part.key = $id OR (part.type = 'VARCHAR' AND (part.atom ->> '$') = $id))"
)
"""SQL: whether a document has the id as a text or a name of its own, not within one, and not as a number."""
WORD = r"'(^|[^\pL\pN_.@-])' || regexp_escape($id) || '([^\pL\pN_.@-]|\.\s|\.?$)'"
"""SQL: a pattern that finds the id in a sentence; `ann` is neither in `ann.lee` nor in `ann-2`."""
IN_PATTERN = r"'(^|[^\pL\pN_@-])' || regexp_escape($id) || '([^\pL\pN_@-]|$)'"
"""SQL: the same in a regular expression, where a full stop stands for something else."""
SAID = ("title", "statement", "subject")
"""What in a notification's message may name somebody."""
MESSAGES = {"notification_id": pl.String(), "message": pl.String()}


@dataclass(frozen=True)
class Forgotten:
    """What forgetting somebody did, and what still holds their id within other values.

    Attributes:
        counts: rows changed or deleted by table, tables without any left out.
        people: the id in each of its encodings, with what stands for it in longer ids.
        is_told: whether the id was looked for in texts: it cannot be anything else there.
        namesakes: ids that differ in capital letters alone, which are other people's.
    """

    counts: dict[str, int]
    people: tuple[Person, ...]
    holdings: tuple[Holding, ...]
    is_told: bool
    namesakes: tuple[str, ...]


def forget_user(
    con: duckdb.DuckDBPyConnection,
    user_id: str,
    actor: str,
    now: datetime,
    *,
    hashes_ids: bool = False,
    pseudonym: str | None = None,
) -> Forgotten:
    """Take `user_id` out of every table of the warehouse, and enter in the audit log that `actor` did, in one transaction.

    Who was forgotten earlier and stands there again, in a silence made since, say, goes too: a replay of the journal knows only
    that somebody was forgotten then, and not whom.

    Args:
        pseudonym: what stands for the id, where it is a mail address; texts may hold the address still.
        hashes_ids: put a stand-in for the id into longer ids that contain it, now and whenever they are read again. Once asked for,
            it stays.
    """
    with transaction(con):
        is_told = can_be_told(user_id) and not is_a_kind(con, user_id)
        found, people = Counter[str](), []
        for form in (*([pseudonym] if pseudonym else []), *forms(user_id)):
            people.append(_remember(con, form, now, is_told=is_told, hashes_ids=hashes_ids))
            found += take_out(con, people[-1], is_told)
        if count_rows(con, "ops.forgotten") > len(people):
            found += take_out_again(con)
        counts = {name: found[name] for name, _ in tables() if found[name]}
        detail = ", ".join(f"{count} of {name}" for name, count in counts.items()) or "nothing was here"
        record_action(con, "forget", detail, actor, now)
        note_act(con, "forget")
        left = [holding for person in people if is_told for holding in holdings(con, person)]
        return Forgotten(counts, tuple(people), tuple(left), is_told, namesakes(con, user_id))


def take_out(con: duckdb.DuckDBPyConnection, person: Person, is_told: bool) -> Counter[str]:
    """Take somebody whose hash is known out of every table, in the transaction that goes on; returns rows changed by table."""
    user_id = person.user_id
    found = _take_names_out(con, user_id) + _delete_mentions(con, user_id) + _delete_alerts(con, user_id)
    found += _delete_silences(con, user_id, is_told) + _delete_refused(con, user_id, is_told)
    found += _blank_messages(con, user_id, is_told)
    if is_told:
        with renaming_alerts(con, person.is_in):
            found += Counter(take_mentions_out(con, person))
        rename_rows(con, person.stand_in)
    return found


def take_out_again(con: duckdb.DuckDBPyConnection) -> Counter[str]:
    """The same for everybody forgotten who stands in a table all the same."""
    found: Counter[str] = Counter()
    for person, is_told in standing(con):
        found += take_out(con, with_others(con, person), is_told)
    return found


def _remember(con: duckdb.DuckDBPyConnection, user_id: str, now: datetime, *, is_told: bool, hashes_ids: bool) -> Person:
    parts, letters = (f"CASE WHEN $told THEN {size} END" for size in (f"len({PARTS.format(text='$id')})", "length($id)"))
    said = {"id": user_id, "told": is_told, "hashed": hashes_ids}
    change(
        con,
        "ops.forgotten",
        f"INSERT INTO ops.forgotten (forgotten_id, salt, forgotten_at, parts, letters, is_hashed)"
        f" SELECT sha256(salt || $id), salt, $now, {parts}, {letters}, $hashed"
        f" FROM (SELECT coalesce((SELECT max(salt) FROM ops.forgotten), $salt) AS salt) WHERE NOT {IS_KNOWN.format(id='$id')}",
        {"salt": secrets.token_hex(16), "now": now, **said},
    )
    is_theirs = "WHERE forgotten_id = sha256(salt || $id)"
    change(
        con,
        "ops.forgotten",
        f"UPDATE ops.forgotten SET parts = {parts}, letters = {letters}, is_hashed = coalesce(is_hashed, false) OR $hashed"
        f" {is_theirs}",
        said,
    )
    found = con.execute(f"SELECT forgotten_id, is_hashed FROM ops.forgotten {is_theirs}", {"id": user_id})
    forgotten_id, is_hashed = found.fetchall()[0]
    return Person(user_id, stand_in(forgotten_id) if is_told and is_hashed else None, other_people(con, user_id))


def _is_them(column: Column) -> str:
    return f"({column.name} = $id AND {is_of_a_user(column)})"


def _take_names_out(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Out of the columns for users: the name, or the row where it cannot be without."""
    counts: Counter[str] = Counter()
    for name, table in filled_tables(con):
        demanded = [_is_them(column) for column in user_columns(table) if column.is_required]
        named = [column for column in user_columns(table) if not column.is_required]
        if demanded:
            counts[name] += remove(con, name, " OR ".join(demanded), {"id": user_id})
        if named:
            blanks = ", ".join(f"{column.name} = CASE WHEN {_is_them(column)} THEN NULL ELSE {column.name} END" for column in named)
            blanking = f"UPDATE {name} SET {blanks} WHERE {' OR '.join(map(_is_them, named))}"
            counts[name] += change(con, name, blanking, {"id": user_id})
    return counts


def _delete_mentions(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Rows of insights that have them among the values of a document."""
    counts: Counter[str] = Counter()
    for name, table in filled_tables(con):
        documents = [IS_VALUE.format(json=f"{name}.{column.name}") for column in table.columns if column.type == "JSON"]
        if documents and table.schema == "insights":
            counts[name] += remove(con, name, " OR ".join(documents), {"id": user_id})
    return counts


def _delete_alerts(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Alerts about them, with their transitions, notifications and acks."""
    found = con.execute(
        f"SELECT fingerprint FROM alerts.alerts WHERE subject = $id OR {IS_VALUE.format(json='labels')}"
        f" UNION SELECT fingerprint FROM alerts.transitions WHERE subject = $id"
        f" UNION SELECT fingerprint FROM alerts.notifications WHERE message ->> 'subject' = $id",
        {"id": user_id},
    )
    prints, counts = [row[0] for row in found.fetchall()], Counter[str]()
    for name in ("alerts.alerts", "alerts.transitions", "alerts.notifications", "alerts.silences"):
        counts[name] += remove(con, name, "list_contains($prints, fingerprint)", {"prints": prints})
    return counts


def _delete_silences(con: duckdb.DuckDBPyConnection, user_id: str, is_told: bool) -> Counter[str]:
    """Silences whose matchers name them."""
    values = "json_extract_string(matchers, '$[*][2]')"
    where = f"list_contains({values}, $id)"
    if is_told:
        where += rf" OR regexp_matches(replace(array_to_string({values}, ' '), '\', ''), {IN_PATTERN})"
    return Counter({"alerts.silences": remove(con, "alerts.silences", where, {"id": user_id})})


def _delete_refused(con: duckdb.DuckDBPyConnection, user_id: str, is_told: bool) -> Counter[str]:
    """Refused rows that name them where their dataset has users; anywhere, if it cannot be anything else."""
    named = [
        f"dataset = '{table.name}' AND (row ->> '{column.name}') = $id"
        for table in DATASETS.values()
        for column in user_columns(table)
    ]
    if is_told:
        named += [IS_VALUE.format(json="row"), f"regexp_matches(row ->> 'unreadable', {WORD})"]
    where = " OR ".join(f"coalesce({condition}, false)" for condition in named)
    return Counter({"ops.rejected_rows": remove(con, "ops.rejected_rows", where, {"id": user_id})})


def _blank_messages(con: duckdb.DuckDBPyConnection, user_id: str, is_told: bool) -> Counter[str]:
    """Notifications about others that name them tell of nobody, and digests of many alerts not of those about them. The document
    is taken apart for it, and whatever else it says stays."""
    told = "alerts.notifications, json_tree(message) AS part WHERE list_contains($said, part.key) AND"
    text, parameters = "(part.atom ->> '$')", {"id": user_id, "said": list(SAID)}
    is_named = f"regexp_matches({text}, {WORD})" if is_told else "false"
    is_theirs = f"(part.key = 'subject' AND {text} = $id)"
    found = con.execute(f"SELECT DISTINCT notification_id, message FROM {told} ({is_named} OR {is_theirs})", parameters)
    messages = found.fetchall()
    blanked = dict(con.execute(f"SELECT DISTINCT {text}, {_without_name(text)} FROM {told} {is_named}", parameters).fetchall())
    after = [json.dumps(_blank(json.loads(message), blanked, user_id), ensure_ascii=False) for _, message in messages]
    changed = pl.DataFrame({"notification_id": [row for row, _ in messages], "message": after}, schema=MESSAGES)
    with registered(con, "changed_messages", changed):
        change(con, "alerts.notifications", sql_beside(__file__, "put_messages"))
    return Counter({"alerts.notifications": len(messages)})


def _blank(part: Any, blanked: Mapping[str, str], user_id: str) -> Any:
    if isinstance(part, list):
        return [_blank(each, blanked, user_id) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("subject") == user_id:  # its fingerprint could be guessed from the id
        return {**part, **dict.fromkeys({*SAID, "fingerprint"} & part.keys(), NOBODY)}
    return {name: blanked.get(each, each) if name in SAID else _blank(each, blanked, user_id) for name, each in part.items()}


def _without_name(text: str) -> str:
    """SQL: a text that tells of nobody."""
    for _ in range(2):  # of two neighbours that share a space the first pass finds one
        text = rf"regexp_replace({text}, {WORD}, '\1{NOBODY}\2', 'g')"
    return text
