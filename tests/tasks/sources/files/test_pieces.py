"""Batches of any size become pieces of bounded size; no row is lost, doubled or moved."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.intake.contract import UNREADABLE
from tasks.sources.files import pieces
from tasks.sources.files.pieces import regroup


def batch(start: int, rows: int) -> pa.Table:
    """Numbers; every seventh batch has a reason too."""
    table = pa.table({"number": pa.array(range(start, start + rows), pa.int64())})
    return table.append_column(UNREADABLE, pa.array(["bad"] * rows, pa.string())) if start % 7 == 0 else table


@given(sizes=st.lists(st.integers(0, 30), min_size=1), limit=st.integers(1, 20))
def test_rows_keep_their_order_within_the_limit(sizes: list[int], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_ROWS", limit)
        found = list(regroup(batch(sum(sizes[:place]), size) for place, size in enumerate(sizes)))
    assert [row for piece in found for row in piece["number"].to_pylist()] == list(range(sum(sizes)))
    assert all(0 < piece.num_rows <= limit for piece in found) or sum(sizes) == 0
    assert len(found) >= 1


def test_long_rows_make_smaller_pieces(monkeypatch) -> None:
    """Of 304 bytes each, three fit; a row that is longer than a piece is one by itself."""
    texts = pa.table({"text": ["x" * 300] * 7})
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1000)
    assert [piece.num_rows for piece in regroup(iter([texts.slice(0, 0), texts]))] == [3, 3, 1]
    assert [piece.num_rows for piece in regroup(iter([texts.slice(0, 2)] * 3))] == [2, 2, 2]
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100)
    assert [piece.num_rows for piece in regroup(iter([texts]))] == [1] * 7
