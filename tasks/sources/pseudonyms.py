"""Rows on their way into a landing file: ids of people that are addresses are hashed, or their rows refused.

Each distinct address is hashed once. Where no id has an `@`, finding that out is all that it costs.
"""

from collections.abc import Iterator, Mapping
from itertools import compress

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from storage.catalogue import DATASETS, Column, Table
from storage.intake.contract import UNREADABLE
from storage.people.columns import is_of_a_user, user_columns
from storage.people.pseudonyms import AT, Pseudonyms

REFUSED = "{name} is a mail address, which [people] addresses refuses"
WITHOUT_TEXT = (
    *(pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean),
    *(pa.types.is_temporal, pa.types.is_null),
)
Found = tuple[pa.ChunkedArray, pa.ChunkedArray]
"""The texts of a column, and of each whether it is an address of somebody."""


def without_addresses(rows: pa.Table, dataset: str, pseudonyms: Pseudonyms) -> pa.Table:
    """The rows as they may be landed."""
    if pseudonyms.rule == "keep":
        return rows
    table = DATASETS[dataset]
    found = {column.name: found for column, found in _addresses(rows, table)}
    if not found:
        return rows
    return _hashed(rows, found, pseudonyms) if pseudonyms.rule == "hash" else _refused(rows, table, found)


def _addresses(rows: pa.Table, table: Table) -> Iterator[tuple[Column, Found]]:
    """The columns for users that hold an address, each as texts, with whether that is one."""
    for column in user_columns(table):
        texts = _texts(rows, column.name)
        if texts is None:
            continue
        has_at = pc.fill_null(pc.match_substring(texts, AT), False)
        if pc.any(has_at).as_py() and column.user_id_where:
            has_at = pc.and_(has_at, _is_of_a_user(rows, column))
        if pc.any(has_at).as_py():
            yield column, (texts, has_at)


def _texts(rows: pa.Table, name: str) -> pa.ChunkedArray | None:
    """A column as the contract reads it; None where it cannot hold an address."""
    if name not in rows.column_names or any(is_kind(rows[name].type) for is_kind in WITHOUT_TEXT):
        return None
    kind = rows[name].type.value_type if pa.types.is_dictionary(rows[name].type) else rows[name].type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return rows[name].cast(pa.string())
    return _asked(rows.select([name]), f"CAST({name} AS VARCHAR)")


def _is_of_a_user(rows: pa.Table, column: Column) -> pa.ChunkedArray:
    columns = {name: _texts(rows, name) for name in ("resource_id", "resource_type")}
    nothing = pa.nulls(rows.num_rows, pa.string())
    return _asked(pa.table({name: nothing if texts is None else texts for name, texts in columns.items()}), is_of_a_user(column))


def _asked(rows: pa.Table, expression: str) -> pa.ChunkedArray:
    """What DuckDB makes of each row, in their order."""
    with duckdb.connect() as con:
        con.register("given", rows)
        return con.sql(f"SELECT {expression} AS answer FROM given").to_arrow_table()["answer"]


def _hashed(rows: pa.Table, found: Mapping[str, Found], pseudonyms: Pseudonyms) -> pa.Table:
    for name, (texts, is_address) in found.items():
        stands_for = _stand_ins(texts, is_address, pseudonyms)
        rows = rows.set_column(rows.column_names.index(name), name, _replaced(texts, is_address, stands_for))
    return rows


def _stand_ins(texts: pa.ChunkedArray, is_address: pa.ChunkedArray, pseudonyms: Pseudonyms) -> dict[str, str]:
    """By address what stands for it, each worked out once."""
    return {address: pseudonyms.of(address) for address in pc.unique(texts.filter(is_address)).to_pylist()}


def _replaced(texts: pa.ChunkedArray, is_address: pa.ChunkedArray, stands_for: Mapping[str, str]) -> pa.ChunkedArray:
    places = pc.index_in(texts, value_set=pa.array(stands_for.keys(), pa.string()))
    return pc.if_else(is_address, pc.take(pa.array(stands_for.values(), pa.string()), places), texts)


def hashed_keys(keys: pa.ChunkedArray, pseudonyms: Pseudonyms) -> tuple[pa.ChunkedArray, dict[str, str]]:
    """Keys of a listing of people as the warehouse has them, and by address of the source what stands for it."""
    texts = keys.cast(pa.string())
    is_address = pc.fill_null(pc.match_substring(texts, AT), False)
    stands_for = _stand_ins(texts, is_address, pseudonyms)
    return (_replaced(texts, is_address, stands_for) if stands_for else keys), stands_for


def _refused(rows: pa.Table, table: Table, found: Mapping[str, Found]) -> pa.Table:
    """In the place of each row with an address one that says why it is not there, and else what tells which one it is."""
    why = [REFUSED.format(name=name) for name in found]
    marks = zip(*(is_address.to_pylist() for _, is_address in found.values()), strict=True)
    reasons = pa.array(["; ".join(compress(why, row)) or None for row in marks], pa.string())
    is_refused = pc.is_valid(reasons)
    told = [name for name in rows.column_names if name in (*table.key, "updated_at", "extracted_at") and name not in found]
    refused = rows.select(told).append_column(UNREADABLE, reasons).filter(is_refused)
    return pa.concat_tables([rows.filter(pc.invert(is_refused)), refused], promote_options="default")
