"""What the catalogue says of a table: plain values, no behaviour."""

from dataclasses import dataclass
from typing import Literal

Verb = Literal["append", "replace", "upsert", "view"]


@dataclass(frozen=True)
class Column:
    """One column. `description` carries the unit and, for a computed one, the formula; `default` is what a landed row without
    it gets, in SQL, where `$now` is the time of loading, or the name of the column whose value it gets. `is_user_id`: it holds the
    platform's id of a person, in all rows or, in SQL, `user_id_where`. `is_optional`: a mapping may leave it out. `is_sentence`: a
    sentence, or a document that quotes some: nothing is joined or counted by what it says. `hash_of`: the columns whose hash it
    is."""

    name: str
    type: str
    description: str
    is_required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: str | None = None
    is_user_id: bool = False
    user_id_where: str | None = None
    is_optional: bool = False
    is_sentence: bool = False
    hash_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sums:
    """What the rows of a table are sums of.

    Attributes:
        table: whose rows were summed.
        counted_where: SQL: whether one of those, as it comes in, was; the columns of both tables may be named.
        carried: the column that becomes -1 once such a row has come in: what was carried holds no longer.
    """

    table: str
    counted_where: str
    carried: str


@dataclass(frozen=True)
class Lasting:
    """A row that stands for several as_ofs: the columns of the first and of the last that found it, and of the one that did not."""

    first: str
    last: str
    ended: str


@dataclass(frozen=True)
class Check:
    """A rule over one row: rejected with `reason` where `condition` (SQL) is false; NULL passes."""

    condition: str
    reason: str


@dataclass(frozen=True)
class Table:
    """One table, how it is written, and what its rows must satisfy.

    Attributes:
        verb: `append` adds rows; `replace` deletes the window (or, without `time_column`, everything) and inserts;
            `upsert` merges by `key`, the greatest `version` winning; `view`: nothing is written, a migration says what it shows.
        key: the columns that identify a row.
        version: the columns that decide which of two rows with one key is the newer, whatever order they arrive in
            (equal versions: the greater row). Without it the last one written wins.
        time_column: the instant that windows, pruning and retention go by.
        inputs: the insights that it is computed from; they must have been computed for the same as_of.
        is_listing: each extraction delivers every row of its source, and what the latest one lacks is marked as deleted.
        is_landed: rows come through landing files, checked against `columns` and `checks`.
        is_published: copied into the file that users open.
        has_history: a daily row set is kept in schema `history`.
        day_column: the instant by whose day (UTC) a large table's rows are backed up together; otherwise it is backed up whole.
        is_journaled: what changes is entered in the journal, for nothing else brings it back.
        retention: the settings key that says for how many days rows are kept.
        sums: what its rows carry the sums of.
        lasting: a row is found by several computations.
    """

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    verb: Verb
    key: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    time_column: str | None = None
    checks: tuple[Check, ...] = ()
    inputs: tuple[str, ...] = ()
    is_listing: bool = False
    is_landed: bool = False
    is_published: bool = False
    has_history: bool = False
    day_column: str | None = None
    is_journaled: bool = False
    retention: str | None = None
    sums: Sums | None = None
    lasting: Lasting | None = None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def own_key(self) -> tuple[str, ...]:
        """What identifies a row within its source."""
        return tuple(name for name in self.key if name != "source")

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)
