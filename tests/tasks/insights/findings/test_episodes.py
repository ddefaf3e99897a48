"""How the rows of a finding change from as_of to as_of: examples worked out by hand, and a model that remembers everything.

One subject; instants are whole numbers, and what an as_of found is the number that the finding starts at, or None.
"""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tasks.insights.findings.episodes import revise

EXAMPLES = 100
History = list[tuple[int, int | None]]
"""as_ofs in the order of computing, each with what it found."""
Shown = tuple[int, int, int, int | None, str]
"""Started, first found, last found, ended, statement."""


def after(history: History) -> list[Shown]:
    """The rows after computing those as_ofs in that order, an as_of again with what is found now."""
    rows: list[dict[str, Any]] = []
    computed: set[int] = set()
    for as_of, started in history:
        rows = revise(rows, None if started is None else new_row(as_of, started), as_of, sorted(computed - {as_of}))
        computed.add(as_of)
    assert all(row["insight_id"] == f"id {row['started_at']}" for row in rows)
    return [(row["started_at"], row["first_found_at"], row["as_of"], row["ended_at"], row["statement"]) for row in rows]


def new_row(as_of: int, started: int) -> dict[str, Any]:
    texts = {"insight_id": f"id {started}", "statement": f"at {as_of}"}
    return {"as_of": as_of, "first_found_at": as_of, "started_at": started, "ended_at": None, **texts}


def model(history: History) -> list[Shown]:
    """The same in the order of time: what is found is the open row, or the last one where it starts before that one's end."""
    rows: list[list[Any]] = []
    for as_of, started in sorted(history):
        last = rows[-1] if rows else None
        if started is None:
            if last and last[3] is None:
                last[3] = as_of
        elif last and (last[3] is None or started < last[3]):
            last[2:] = [as_of, None, f"at {as_of}"]
        else:
            rows.append([started, as_of, as_of, None, f"at {as_of}"])
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        pytest.param([(10, 8), (11, 9)], [(8, 10, 11, None, "at 11")], id="found again"),
        pytest.param([(10, 8), (20, 15)], [(8, 10, 20, None, "at 20")], id="a later start, but nothing missed it"),
        pytest.param([(10, 8), (11, None), (12, None)], [(8, 10, 10, 11, "at 10")], id="gone"),
        pytest.param([(10, 8), (11, None), (12, 10)], [(8, 10, 12, None, "at 12")], id="back, with a start before the end"),
        pytest.param(
            [(10, 8), (11, None), (12, 11)], [(8, 10, 10, 11, "at 10"), (11, 12, 12, None, "at 12")], id="back, with one at the end"
        ),
        pytest.param([(12, 10), (11, 9)], [(9, 11, 12, None, "at 12")], id="an older one found it earlier"),
        pytest.param([(12, None), (11, 9)], [(9, 11, 11, 12, "at 11")], id="an older one adds what was true then"),
        pytest.param([(10, 8), (12, 8), (11, None)], [(8, 10, 12, None, "at 12")], id="an older one closes nothing"),
        pytest.param([(10, 8), (9, None)], [(8, 10, 10, None, "at 10")], id="an older one knows nothing of it"),
        pytest.param([(10, 8), (14, None), (12, None)], [(8, 10, 10, 12, "at 10")], id="an older one brings the end forward"),
        pytest.param([(10, 8), (14, None), (12, 8)], [(8, 10, 12, 14, "at 12")], id="an older one is the last that found it"),
        pytest.param([(10, 8), (12, None), (14, 13), (13, 9)], [(8, 10, 14, None, "at 14")], id="one between two rows joins them"),
        pytest.param([(9, None), (10, 8), (11, None), (10, None)], [], id="other data: it alone had found it"),
        pytest.param([(9, 8), (10, 8), (10, None)], [(8, 9, 9, 10, "at 10")], id="other data: it was the last"),
        pytest.param([(9, 8), (10, 8), (9, None)], [(8, 10, 10, None, "at 10")], id="other data: it was the first"),
        pytest.param([(10, 8), (10, 7)], [(7, 10, 10, None, "at 10")], id="other data: another start"),
        pytest.param([(10, 8), (11, None), (12, 9), (11, 8)], [(8, 10, 12, None, "at 12")], id="other data: not missed after all"),
    ],
)  # fmt: skip
def test_example(history: History, rows: list[Shown]) -> None:
    assert after(history) == rows


as_ofs = st.lists(st.integers(0, 24), min_size=1, max_size=9, unique=True)
ages = st.none() | st.integers(0, 10)
histories = as_ofs.flatmap(lambda drawn: st.tuples(*(_entry(as_of) for as_of in drawn)).map(list))
"""Each as_of found nothing, or something that started up to ten before it."""


def _entry(as_of: int) -> st.SearchStrategy[tuple[int, int | None]]:
    return ages.map(lambda age: (as_of, None if age is None else as_of - age))


def is_inside(as_of: int, rows: list[Shown]) -> bool:
    return any(row[1] < as_of < row[2] for row in rows)


@given(histories)
@settings(max_examples=EXAMPLES)
def test_in_the_order_of_time_the_rows_are_what_the_model_says(history: History) -> None:
    assert after(sorted(history)) == model(history)


@given(histories, st.data())
@settings(max_examples=EXAMPLES)
def test_computed_late_it_ends_as_if_computed_in_its_turn_or_leaves_the_row_it_lies_in(history: History, data) -> None:
    late = data.draw(st.sampled_from(history))
    others = sorted(entry for entry in history if entry is not late)
    before = model(others)
    assert after([*others, late]) == (before if is_inside(late[0], before) else model(history))


@given(histories)
@settings(max_examples=EXAMPLES)
def test_any_order_ends_in_the_same_rows_unless_an_as_of_came_to_lie_inside_one(history: History) -> None:
    assume(not any(is_inside(as_of, model(history[:position])) for position, (as_of, _) in enumerate(history)))
    assert after(history) == model(history)


@given(as_ofs, st.sets(st.integers(0, 24)))
@example([12, 10, 11], {11})
@settings(max_examples=EXAMPLES)
def test_what_starts_before_every_as_of_is_one_row_in_any_order(order: list[int], missing: set[int]) -> None:
    history = [(as_of, None if as_of in missing else -1) for as_of in order]
    rows = after(history)
    assert len(rows) <= 1
    assert rows == model(history)


@given(histories, st.data())
@settings(max_examples=EXAMPLES)
def test_the_same_as_of_again_changes_nothing(history: History, data) -> None:
    again = data.draw(st.sampled_from(history))
    assert after([*history, again]) == after(history)


@given(histories, ages)
@settings(max_examples=EXAMPLES)
def test_other_data_at_the_newest_as_of_count_as_if_they_had_been_there_first(history: History, age: int | None) -> None:
    """Where it had found nothing, or was the only one to find it."""
    *others, (as_of, started) = sorted(history)
    assume(started is None or any(row[1] == as_of for row in model(history)))
    other = (as_of, None if age is None else as_of - age)
    assert after([*others, (as_of, started), other]) == model([*others, other])


@given(histories, histories)
@settings(max_examples=EXAMPLES)
def test_whatever_is_computed_rows_do_not_overlap_and_say_what_was_computed(history: History, again: History) -> None:
    rows = after([*history, *again])
    computed = {as_of for as_of, _ in (*history, *again)}
    assert all(row[0] <= row[1] <= row[2] and {row[1], row[2]} <= computed for row in rows)
    assert all(row[3] is None or (row[3] > row[2] and row[3] in computed) for row in rows)
    assert all(early[3] is not None and early[3] <= late[0] for early, late in pairwise(rows))


@given(histories, histories)
@settings(max_examples=EXAMPLES)
def test_what_the_newest_as_of_found_is_open_and_nothing_else_is(history: History, again: History) -> None:
    last = dict([*history, *again])
    newest = max(last)
    assert [row[2] for row in after([*history, *again]) if row[3] is None] == ([newest] if last[newest] is not None else [])
