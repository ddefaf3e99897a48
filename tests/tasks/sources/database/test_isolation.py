"""How a row that cannot be read is found among the others: on rows in memory, whichever way they are read and listed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import GovpulseError
from storage.intake.contract import UNREADABLE
from tasks.sources.database import isolation
from tasks.sources.database.isolation import read_isolated
from tasks.sources.database.narrowing import EVERYTHING, Only, UnreadableRowError
from tasks.sources.mapping import contract_columns

Row = tuple[str | None, int | None, bool]
"""Key, change, whether it cannot be read."""
FIELDS = {"user_id": pa.string(), "updated_at": pa.timestamp("us", "UTC")}


@dataclass
class Rows:
    """A source of rows that are read in their order and listed in another; a read loses what it had not sent when it dies."""

    read: list[Row]
    listed: list[Row]
    sent: int = 3
    filters_first: bool = True
    dataset: str = "users"
    key: str = "user_id"
    given: list[str | None] = field(default_factory=list)
    statements: int = 0

    def rows(self, only: Only = EVERYTHING) -> Iterator[pa.Table]:
        self.statements += 1
        held: list[Row] = []
        for row in self.read:
            if self.filters_first and not wanted(row, only):
                continue
            if row[2]:
                raise UnreadableRowError("cannot read users: no number", "no number")
            held += [row] if wanted(row, only) else []
            if len(held) >= (1 if only.row_by_row else self.sent):
                yield self.send(held)
                held = []
        if held:
            yield self.send(held)

    def send(self, rows: list[Row]) -> pa.Table:
        self.given += [key for key, *_ in rows]
        return pa.table(dict(zip(FIELDS, columns(rows), strict=True))).select(FIELDS)

    def listing(self) -> Iterator[pa.Table]:
        yield pa.table(dict(zip(("key", "updated_at"), columns(self.listed), strict=True)))

    def said(self, change: int | str) -> str | None:
        return str(change)


def columns(rows: list[Row]) -> list[pa.Array]:
    keys, changes = [key for key, *_ in rows], [change for _, change, _ in rows]
    return [pa.array(keys, pa.string()), pa.array(changes, pa.timestamp("us", "UTC"))]


def wanted(row: Row, only: Only) -> bool:
    key, change, _ = row
    in_time = only.between is None or (
        only.between.or_none if change is None else only.between.first <= change <= only.between.last
    )
    return in_time and (only.keys is None or key in only.keys) and key not in only.but


def read(source: Rows, most: int | None = None) -> tuple[set[str | None], list[tuple[str | None, str]]]:
    """The keys that came, and those that were refused with their change."""
    tables = list(read_isolated(source, most))
    refused = [row for table in tables if UNREADABLE in table.column_names for row in table.to_pylist()]
    assert all(row[UNREADABLE] == "the database cannot read this row: no number" for row in refused)
    assert all(list(row) == [*contract_columns("users"), UNREADABLE] for row in refused)
    return set(source.given), [(row["user_id"], row["updated_at"]) for row in refused]


def numbered(count: int, *bad: int) -> list[Row]:
    return [(str(number), number, number in bad) for number in range(count)]


CHANGES = st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=40)


@given(CHANGES, st.sets(st.integers(0, 39)), st.randoms(use_true_random=False), st.booleans())
def test_all_rows_come_but_those_that_cannot_be_read_and_these_are_refused(changes, bad, random, same) -> None:
    """In whatever order they lie and are listed, however many of them changed at one instant."""
    rows = [(str(number), change, number in bad) for number, change in enumerate(changes)]
    listed = rows if same else random.sample(rows, len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "NEAR_ROWS", 4)
        patch.setattr(isolation, "MOST_RESTARTS", 2)
        came, refused = read(Rows(rows, listed))
    assert came == {key for key, _, is_bad in rows if not is_bad}
    said = [(key, None if change is None else str(change)) for key, change, is_bad in rows if is_bad]
    assert sorted(refused, key=str) == sorted(said, key=str)


def test_what_has_come_is_not_read_again_where_time_tells_it_apart() -> None:
    source = Rows(numbered(10_000, 7_000), numbered(10_000, 7_000), sent=100)
    assert read(source)[1] == [("7000", "7000")]
    assert len(source.given) == 9_999
    assert source.statements <= 6


def test_one_row_that_cannot_be_read_is_found_in_few_statements_though_the_listing_goes_another_way() -> None:
    rows = numbered(4_000, 2_500)
    source = Rows(rows, rows[::-1], sent=100)
    assert read(source)[1] == [("2500", "2500")]
    assert source.statements < 40


def test_two_rows_with_one_key_are_told_by_when_they_changed() -> None:
    rows: list[Row] = [("a", 1, False), ("b", 2, True), ("b", 3, False), ("c", 4, False), ("b", 5, True)]
    assert read(Rows(rows, rows)) == ({"a", "b", "c"}, [("b", "2"), ("b", "5")])


def test_a_row_without_a_key_is_refused_without_one() -> None:
    rows: list[Row] = [("a", 1, False), (None, 2, True), ("c", 4, False)]
    assert read(Rows(rows, rows)) == ({"a", "c"}, [(None, "2")])


def test_doubles_that_nothing_tells_apart_fail_the_read() -> None:
    rows: list[Row] = [("a", 1, False), ("a", 1, True)]
    with pytest.raises(UnreadableRowError, match=r"^cannot read users: no number$"):
        read(Rows(rows, rows, sent=1))


def test_where_every_row_is_worked_out_before_one_is_chosen_none_is_refused() -> None:
    with pytest.raises(
        GovpulseError, match="no number; govpulse cannot reject just the bad row, because the SELECT is worked out for all rows"
    ):
        read(Rows(numbered(20, 9), numbered(20, 9), filters_first=False))


@pytest.mark.parametrize(("bad", "most"), [(5, 5), (6, 5)])
def test_more_than_so_many_fail_the_read(bad: int, most: int) -> None:
    source = Rows(rows := numbered(60, *range(0, bad * 10, 10)), rows)
    if bad <= most:
        assert len(read(source, most)[1]) == bad
        return
    with pytest.raises(GovpulseError, match="no number; more than 5 rows cannot be read, the first of them 0: change the SELECT"):
        read(source, most)
