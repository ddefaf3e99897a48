"""A read that can be narrowed, and how it fails where the source itself cannot read a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from storage.errors import GovpulseError

Change = int | str
"""A change instant as the database has it: counted in the unit of its type, or its text."""


class UnreadableRowError(GovpulseError):
    """A statement died of what stands in a row.

    Attributes:
        said: the database's own message, in one line.
    """

    def __init__(self, text: str, said: str) -> None:
        super().__init__(text)
        self.said = said

    def of_no_row(self, why: str) -> GovpulseError:
        """The same where nobody can tell which row it was."""
        return GovpulseError(f"{self}; govpulse cannot reject just the bad row, because {why}")


@dataclass(frozen=True)
class Between:
    """Change instants from `first` to `last`, both of them in; with `or_none`, rows without one too."""

    first: Change
    last: Change
    or_none: bool = False


@dataclass(frozen=True)
class Only:
    """Which rows of a read are wanted.

    Attributes:
        keys: the keys, as text; None: any. A key of None is that of the rows without one.
        between: None: whenever they changed.
        but: keys that are left out.
        row_by_row: hand over each row as soon as it is there, so that all that come before one that cannot be read are.
    """

    keys: tuple[str | None, ...] | None = None
    between: Between | None = None
    but: tuple[str | None, ...] = ()
    row_by_row: bool = False


EVERYTHING = Only()
IN_THE_KEY = "its key or updated_at, or what the SELECT chooses its rows by, cannot be read"
"""Why no row can be told where a listing dies."""


class Reading(Protocol):
    """One read of one dataset, within one snapshot. Both streams raise UnreadableRowError, after the rows before the fault."""

    @property
    def dataset(self) -> str:
        """Whose rows they are."""

    @property
    def key(self) -> str:
        """The column that tells them apart."""

    def rows(self, only: Only = EVERYTHING) -> Iterator[pa.Table]:
        """The rows, with the contract's columns as the database has them."""

    def listing(self) -> Iterator[pa.Table]:
        """`key` and `updated_at` of each row, if it can in the order in which `rows` comes to them. Nothing else is looked at."""

    def said(self, change: Change) -> str | None:
        """A change instant as a text that says it; None where there is none to say."""


def gather(batches: Iterator[pa.RecordBatch], most_bytes: int, most_rows: int) -> Iterator[pa.Table]:
    """Small batches in larger pieces: a driver loses the batch in which a statement dies, so it is made to send small ones."""
    held: list[pa.RecordBatch] = []
    size = rows = 0
    try:
        for batch in batches:
            if held and (size >= most_bytes or rows >= most_rows or not batch.schema.equals(held[0].schema)):
                yield pa.Table.from_batches(held).combine_chunks()
                held, size, rows = [], 0, 0
            held.append(batch)
            size, rows = size + batch.nbytes, rows + batch.num_rows
    except UnreadableRowError:
        if held:
            yield pa.Table.from_batches(held).combine_chunks()
        raise
    if held:
        yield pa.Table.from_batches(held).combine_chunks()
