"""Forgetting a person: their id leaves every table, and does not come in again.

What they did happened, and the rates over it stay true; only nobody can say any more by whom. So a column that names them becomes
NULL, and a row goes where it cannot be without the name. What was computed and names them otherwise goes, too: the next computation
makes it anew, without them. Of the id a salted hash is kept, by which the loader knows it when an extraction reads it again.

An id without a letter is looked for as a whole value only: in a sentence nobody can tell it from a number.
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import duckdb

from storage.audit import record_action
from storage.catalogue import DATASETS, TABLES, Column, Table
from storage.transaction import transaction

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
NOBODY = "(forgotten)"
SAID = ("title", "statement", "subject")
"""What in a notification's message may name somebody."""
SENTENCES = {
    "alerts.transitions": "reason",
    "alerts.notifications": "reason",
    "alerts.silences": "reason",
    "ops.runs": "error",
    "ops.loads": "reason",
    "ops.audit_log": "detail",
}
"""Texts that may quote anything. Their rows stay: they tell of something else."""


def forget_user(con: duckdb.DuckDBPyConnection, user_id: str, actor: str, now: datetime) -> dict[str, int]:
    """Take `user_id` out of every table of the warehouse, and enter in the audit log that `actor` did, in one transaction.

    Returns:
        rows changed or deleted by table, tables without any left out.
    """
    with transaction(con):
        _remember_hash(con, user_id, now)
        found = _take_names_out(con, user_id) + _delete_mentions(con, user_id) + _delete_alerts(con, user_id)
        found += _delete_silences(con, user_id) + _delete_refused(con, user_id)
        found += _blank_messages(con, user_id) + _blank_sentences(con, user_id)
        counts = {name: found[name] for name in TABLES | _histories() if found[name]}
        detail = ", ".join(f"{count} of {name}" for name, count in counts.items()) or "nothing was here"
        record_action(con, "forget", detail, actor, now)
    return counts


def leave_out_forgotten(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Take those who were forgotten out of the relation `checked` before its rows go into `table`, or are kept as refused."""
    columns = _user_columns(table)
    if not columns or not con.execute("SELECT 1 FROM ops.forgotten LIMIT 1").fetchall():
        return
    for column in columns:
        name = column.name
        known = f"{name} IN (SELECT {name} FROM (SELECT DISTINCT {name} FROM checked) WHERE {IS_KNOWN.format(id=name)})"
        known += f" AND {_is_of_a_user(column)}"
        if column.is_required:
            con.execute(f"DELETE FROM checked WHERE {known}")
        else:
            without = f"payload = json_merge_patch(payload, '{{\"{name}\": null}}')"
            con.execute(f"UPDATE checked SET {name} = NULL, {without} WHERE {known}")


def _remember_hash(con: duckdb.DuckDBPyConnection, user_id: str, now: datetime) -> None:
    con.execute(
        f"INSERT INTO ops.forgotten SELECT sha256(salt || $id), salt, $now"
        f" FROM (SELECT coalesce((SELECT max(salt) FROM ops.forgotten), $salt) AS salt) WHERE NOT {IS_KNOWN.format(id='$id')}",
        {"salt": secrets.token_hex(16), "id": user_id, "now": now},
    )


def _histories() -> dict[str, Table]:
    return {f"history.{table.name}": table for table in TABLES.values() if table.has_history}


def _written_tables() -> Iterator[tuple[str, Table]]:
    """Every table that holds rows of its own, by its name; those of `history` too."""
    return ((name, table) for name, table in (TABLES | _histories()).items() if table.verb != "view")


def _user_columns(table: Table) -> list[Column]:
    return [column for column in table.columns if column.is_user_id]


def _is_of_a_user(column: Column) -> str:
    return f"coalesce({column.user_id_where or 'true'}, false)"


def _is_them(column: Column) -> str:
    return f"({column.name} = $id AND {_is_of_a_user(column)})"


def _take_names_out(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Out of the columns for users: the name, or the row where it cannot be without."""
    counts: Counter[str] = Counter()
    for name, table in _written_tables():
        demanded = [_is_them(column) for column in _user_columns(table) if column.is_required]
        named = [column for column in _user_columns(table) if not column.is_required]
        if demanded:
            counts[name] += _changed(con, f"DELETE FROM {name} WHERE {' OR '.join(demanded)}", user_id)
        if named:
            blanks = ", ".join(f"{column.name} = CASE WHEN {_is_them(column)} THEN NULL ELSE {column.name} END" for column in named)
            counts[name] += _changed(con, f"UPDATE {name} SET {blanks} WHERE {' OR '.join(map(_is_them, named))}", user_id)
    return counts


def _delete_mentions(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Rows of insights that have them among the values of a document."""
    counts: Counter[str] = Counter()
    for name, table in _written_tables():
        documents = [IS_VALUE.format(json=f"{name}.{column.name}") for column in table.columns if column.type == "JSON"]
        if documents and table.schema == "insights":
            counts[name] += _changed(con, f"DELETE FROM {name} WHERE {' OR '.join(documents)}", user_id)
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
        deleted = con.execute(f"DELETE FROM {name} WHERE list_contains(?, fingerprint)", [prints])
        counts[name] += int(deleted.fetchall()[0][0])
    return counts


def _delete_silences(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Silences whose matchers name them."""
    values = "json_extract_string(matchers, '$[*][2]')"
    where = f"list_contains({values}, $id)"
    if _has_letters(user_id):
        where += rf" OR regexp_matches(replace(array_to_string({values}, ' '), '\', ''), {IN_PATTERN})"
    return Counter({"alerts.silences": _changed(con, f"DELETE FROM alerts.silences WHERE {where}", user_id)})


def _delete_refused(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Refused rows that name them where their dataset has users; anywhere, if it cannot be anything else."""
    named = [
        f"dataset = '{table.name}' AND (row ->> '{column.name}') = $id"
        for table in DATASETS.values()
        for column in _user_columns(table)
    ]
    if _has_letters(user_id):
        named += [IS_VALUE.format(json="row"), f"regexp_matches(row ->> 'unreadable', {WORD})"]
    where = " OR ".join(f"coalesce({condition}, false)" for condition in named)
    return Counter({"ops.rejected_rows": _changed(con, f"DELETE FROM ops.rejected_rows WHERE {where}", user_id)})


def _blank_messages(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Notifications about others that name them tell of nobody, and digests of many alerts not of those about them. The document
    is taken apart for it, and whatever else it says stays."""
    told = "FROM alerts.notifications, json_tree(message) AS part WHERE part.key IN (SELECT unnest($said)) AND"
    text, parameters = "(part.atom ->> '$')", {"id": user_id, "said": list(SAID)}
    is_named = f"regexp_matches({text}, {WORD})" if _has_letters(user_id) else "false"
    is_theirs = f"(part.key = 'subject' AND {text} = $id)"
    found = con.execute(f"SELECT DISTINCT notification_id, message {told} ({is_named} OR {is_theirs})", parameters)
    messages = found.fetchall()
    blanked = dict(con.execute(f"SELECT DISTINCT {text}, {_without_name(text)} {told} {is_named}", parameters).fetchall())
    after = [json.dumps(_blank(json.loads(message), blanked, user_id), ensure_ascii=False) for _, message in messages]
    con.execute(
        "UPDATE alerts.notifications SET message = said FROM (SELECT unnest($rows) AS row, unnest($after) AS said)"
        " WHERE notification_id = row",
        {"rows": [row for row, _ in messages], "after": after},
    )
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


def _blank_sentences(con: duckdb.DuckDBPyConnection, user_id: str) -> Counter[str]:
    """Sentences in which they are named tell of nobody."""
    counts: Counter[str] = Counter()
    for name, column in SENTENCES.items() if _has_letters(user_id) else ():
        text = _without_name(column)
        counts[name] += _changed(con, f"UPDATE {name} SET {column} = {text} WHERE regexp_matches({column}, {WORD})", user_id)
    return counts


def _has_letters(user_id: str) -> bool:
    return any(character.isalpha() for character in user_id)


def _changed(con: duckdb.DuckDBPyConnection, statement: str, user_id: str) -> int:
    return int(con.execute(statement, {"id": user_id}).fetchall()[0][0])
