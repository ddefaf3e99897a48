"""CSV: what a line says is landed as it stands, and a line that cannot be read costs no other."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.files import csv_records
from tasks.sources.files.csv_records import QUOTED_EMPTY, Lines, records

HEADER = b"user_id,team,updated_at\n"
GOOD = {"user_id": "u1", "team": "x", "updated_at": "2026-03-01"}


def texts(rows: list[dict]) -> list[tuple]:
    return [(row["user_id"], row["team"], row["updated_at"]) for row in rows if not row.get("unreadable")]


def reasons(rows: list[dict]) -> list[str]:
    assert all(set(row.values()) == {None, row["unreadable"]} for row in rows if row.get("unreadable"))
    return [row["unreadable"] for row in rows if row.get("unreadable")]


def test_a_field_is_what_stands_in_it(landed) -> None:
    """Nothing at all is NULL, `""` is a text without characters; quotes hide commas, line ends and (doubled) quotes."""
    rows = landed("a.csv", HEADER + b'u1,,2026-03-01\nu2,"",2026-03-01\n"u,3","a\r\nb\n,"",c ""d""",""" "\n')
    assert texts(rows) == [("u1", None, "2026-03-01"), ("u2", "", "2026-03-01"), ("u,3", 'a\r\nb\n,",c "d"', '" ')]
    assert "unreadable" not in rows[0]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + HEADER + b"u1,x,2026-03-01\n", HEADER + b"u1,x,2026-03-01"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n"])
def test_marks_and_line_ends_are_no_content(landed, content: bytes, end: bytes) -> None:
    assert landed("a.csv", content.replace(b"\n", end)) == [GOOD]


def test_unknown_columns_are_not_landed(landed) -> None:
    """Not one called like the reader's own either, nor those that bear one name twice."""
    names = ["unreadable", "x", "x", *(f"column {number}" for number in range(297)), "user_id", "updated_at"]
    rows = landed("a.csv", (",".join(names) + "\n" + "v," * 300 + "u1,2026-03-01\n").encode())
    assert rows == [{"user_id": "u1", "updated_at": "2026-03-01"}]


def test_a_name_that_is_not_utf8_is_an_unknown_column(landed) -> None:
    rows = landed("a.csv", b"user_id,team,gr\xf6\xdfe,updated_at\nu1,x,1,2026-03-01\n")
    assert rows == [GOOD]


RAGGED = {
    "too few": (b"u2,x", "has 2 fields, not 3: u2,x"),
    "one": (b"u2", "has 1 field, not 3: u2"),
    "too many": (b"u2,x,2026-03-01,", "has 4 fields, not 3: u2,x,2026-03-01,"),
    "quote without an end": (b'u2,"x,2026-03-01', 'has a quote that does not end: u2,"x,2026-03-01'),
    "text behind a quote": (b'u2,"x"y,2026-03-01', 'has text behind a closing quote: u2,"x"y,2026-03-01'),
    "windows-1252": (b"u2,M\xfcnchen \x80,2026-03-01", "is not UTF-8: u2,M\\xfcnchen \\x80,2026-03-01"),
    "torn character": (b"u2,\xe2\x82,2026-03-01", "is not UTF-8: u2,\\xe2\\x82,2026-03-01"),
    "zeros of a torn block": (b"\0\0\0", "has 1 field, not 3: \\x00\\x00\\x00"),
    "long": (b"u2," + b"x" * 2000, "has 2 fields, not 3: u2," + "x" * 997),
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["in the middle", "in the middle, CRLF", "at the end"])
@pytest.mark.parametrize(("line", "said"), RAGGED.values(), ids=RAGGED)
def test_a_bad_line_is_landed_as_such_and_the_others_as_ever(landed, line: bytes, said: str, end: bytes) -> None:
    after = b'u3,"a\nb",2026-03-02' + end + b"u4,,2026-03-02" + end if end else b""
    rows = landed("a.csv", HEADER + b"u1,x,2026-03-01\n" + line + end + after)
    others = [("u3", "a\nb", "2026-03-02"), ("u4", None, "2026-03-02")] if end else []
    assert texts(rows) == [("u1", "x", "2026-03-01"), *others]
    assert reasons(rows) == [f"line 3 of a.csv {said}"]


def test_line_numbers_are_those_of_an_editor(landed) -> None:
    """Blank lines and line ends inside quotes count."""
    rows = landed("a.csv", HEADER + b'\nu1,"a\nb\nc",2026-03-01\nu2\nu3,"x\nu4,M\xfc,1\nu5,"\n\n"\nu6\n')
    assert texts(rows) == [("u1", "a\nb\nc", "2026-03-01")]
    assert [reason.split(" of ")[0] for reason in reasons(rows)] == ["line 6", "line 7", "line 8", "line 9", "line 11", "line 12"]


FIELDS = st.none() | st.text(st.sampled_from('"",\r\n x') | st.characters(exclude_categories=["Cs"]))
ROWS = st.lists(st.lists(FIELDS, min_size=3, max_size=3))


def written(row: list[str | None], *, is_bare: bool) -> str:
    """By the letter of RFC 4180; a text that needs no quotes without them where `is_bare`."""
    return ",".join(
        "" if text is None else text if is_bare and text.isalnum() else f'"{text.replace(chr(34), chr(34) * 2)}"' for text in row
    )


def parsed(text: str) -> list[list[str | None] | str]:
    meaning = {"": None, QUOTED_EMPTY: ""}
    found = records(Lines(io.StringIO(text, newline=""), "a.csv"))
    return [row if isinstance(row, str) else [meaning.get(text, text) for text in row] for row in found]


@given(rows=ROWS, is_bare=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_every_text_comes_back(rows: list[list[str | None]], is_bare: bool, end: str) -> None:
    assert parsed(end.join(written(row, is_bare=is_bare) for row in rows)) == rows


@given(before=ROWS, after=ROWS, line=st.sampled_from(["x", "a,b", "a,b,c,d", '"a"b,c,d', '"",""', 'a,b,"c"",d']))
def test_no_bad_line_costs_another(before: list[list[str | None]], after: list[list[str | None]], line: str) -> None:
    lines = [["a", "b", "c"], *before, None, *after]
    found = parsed("\n".join(line if row is None else written(row, is_bare=False) for row in lines))
    assert len(found) == len(lines)
    assert isinstance(found.pop(len(before) + 1), str)
    assert found == [["a", "b", "c"], *before, *after]


def test_a_quote_that_never_ends_costs_its_line_only(monkeypatch) -> None:
    """Also where the end of the file is further away than a field may be long."""
    monkeypatch.setattr(csv_records, "FIELD_CHARACTERS", 1000)
    rows = [[f"u{number}", "x", "y"] for number in range(1000)]
    found = parsed('a,b,c\nu,"x,y\n' + "\n".join(map(",".join, rows)))
    assert found[0] == ["a", "b", "c"]
    assert found[1] == 'line 2 of a.csv has a field of over 1,000 characters or a quote that does not end: u,"x,y'
    assert found[2:] == rows


def test_a_text_of_ten_million_characters_passes(landed) -> None:
    text = ("x" * 98 + '"\n') * 100_000
    rows = landed("a.csv", HEADER + b'u1,"' + text.replace('"', '""').encode() + b'",2026-03-01\nu2,y,2026-03-01\n')
    assert texts(rows) == [("u1", text, "2026-03-01"), ("u2", "y", "2026-03-01")]


def test_behind_the_zeros_of_a_lost_write_a_row_is_whole(landed) -> None:
    """They cost what they hit."""
    rows = landed("a.csv", HEADER + b"\0\0\0u1,x,2026-03-01\nu2,x,20\0\0\0u3,y,2026-03-02\n\0\0u4,z,2026-03-03")
    assert texts(rows) == [("u1", "x", "2026-03-01"), ("u3", "y", "2026-03-02"), ("u4", "z", "2026-03-03")]
    assert reasons(rows) == ["line 3 of a.csv has 5 fields, not 3: u2,x,20\\x00\\x00\\x00"]
