"""What cannot be read travels as a row of the landing file, with the reason in the column `unreadable`; the contract refuses it."""

from collections.abc import Sequence

import pyarrow as pa

from storage.intake.contract import UNREADABLE

SHOWN_CHARACTERS = 1000
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
"""A reason is one line, and printable."""


def shown(text: str | bytes) -> str:
    """The beginning of what was found, printable: bytes that are no UTF-8 (lone surrogates in a text) as `\\xNN`."""
    start = text[:SHOWN_CHARACTERS]
    found = start if isinstance(start, bytes) else start.encode(errors="surrogateescape")
    return found.decode(errors="backslashreplace").translate(CONTROLS)[:SHOWN_CHARACTERS]


def is_utf8(text: str) -> bool:
    """Whether it was: bytes that are none came in as lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def with_unreadable(rows: pa.Table, reasons: Sequence[str]) -> pa.Table:
    """`rows`, and one row for each of `reasons`. Without any the column is left out."""
    if not reasons:
        return rows
    return pa.concat_tables([rows, pa.table({UNREADABLE: pa.array(reasons, pa.string())})], promote_options="default")


def count_unreadable(rows: pa.Table) -> int:
    if UNREADABLE not in rows.column_names:
        return 0
    return int(rows.num_rows - rows[UNREADABLE].null_count)
