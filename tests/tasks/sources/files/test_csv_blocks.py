"""Blocks of CSV: what is parsed as a whole is what reading record by record gives, and no line is torn or lost between blocks."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.sources.files import csv_blocks
from tasks.sources.files.csv_blocks import Blocks, parse_plain
from tasks.sources.files.csv_records import QUOTED_EMPTY, Lines, records

PLACES = {"a": 0, "b": 1, "c": 2}
FIELDS = st.sampled_from(
    ["", "x", " ", '""', '"x"', '"x,y"', '"x""y"', '""""', "ü", "'", "NULL", "nan", "\\", "\x0b", "\u2028", "\ufeff"]
)
LINES = st.lists(FIELDS, min_size=3, max_size=3).map(",".join)
ODD = st.text(st.sampled_from('ab,"\n\r\0 ü'), max_size=12)
TEXTS = st.lists(st.tuples(st.one_of(LINES, LINES, LINES, LINES, ODD), st.sampled_from(["\n", "\r\n"])), max_size=6).map(
    lambda lines: "".join(line + end for line, end in lines)
)


@given(TEXTS)
@example('"x""",y,z\n')
@example('x,"y\n",z\n')
@example('x"y,z,"x"\n')
@example('"x"y,z,x\n')
@example("x,y,z")
@example("\nx,y,z\n\r\n")
def test_what_is_parsed_as_a_whole_is_what_its_records_are(text: str) -> None:
    whole = parse_plain(text.encode(), PLACES, 3, ",")
    _, *singly = records(Lines(io.StringIO("a,b,c\n" + text, newline=""), "a.csv"))
    if whole is not None:
        meaning = {"": None, QUOTED_EMPTY: ""}
        assert [list(row.values()) for row in whole.to_pylist()] == [[meaning.get(said, said) for said in row] for row in singly]


@given(st.lists(LINES, min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_ordinary_lines_are_parsed_as_a_whole(lines: list[str], end: str, is_ended: bool) -> None:
    rows = parse_plain((end.join(lines) + end * is_ended).encode(), PLACES, 3, ",")
    assert rows is not None
    assert rows.num_rows == len(lines)


@pytest.mark.parametrize("block", [b"x,y,\xff\n", b"x,y\n", b"x,y,z,\n", b"x\ry,z,\n", b"x,y,\0\n", b'x,y,"z\n', b'x,"y"z,\n'])
def test_what_could_be_read_in_two_ways_is_left_to_the_records(block: bytes) -> None:
    assert parse_plain(block, PLACES, 3, ",") is None


@given(st.text(st.sampled_from("ab\r\n")), st.integers(1, 9), st.lists(st.booleans()))
def test_no_line_is_torn_or_lost_between_blocks(text: str, size: int, takes: list[bool]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK_BYTES", size)
        blocks, found = Blocks(io.BytesIO(text.encode())), []
        for takes_block in [*takes, *[False] * len(text)]:
            is_whole = takes_block and blocks.is_between
            found += io.StringIO(blocks.take().decode(), newline="") if is_whole else [blocks.readline(1000)]
    assert [line for line in found if line] == list(io.StringIO(text, newline=""))
