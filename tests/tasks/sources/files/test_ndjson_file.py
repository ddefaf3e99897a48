"""NDJSON: each line is read for itself, whatever the others say, and one that cannot be read costs no other."""

import json

import pytest

from storage.errors import GovpulseError
from tasks.sources.files import json_lines, ndjson_file

FIRST = b'{"user_id": "u1", "updated_at": "2026-03-01"}'
LAST = '{"user_id": "uß", "updated_at": "2026-03-02"}'.encode()


def said(rows: list[dict]) -> list[dict]:
    """Without what is NULL."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


BAD = {
    "torn": (b'{"user_id": "u2", "upda', 'is not valid JSON: {"user_id": "u2", "upda'),
    "two in one": (FIRST + FIRST, f"is not valid JSON: {(FIRST + FIRST).decode()}"),
    "no JSON": (b"user_id=u2", "is not valid JSON: user_id=u2"),
    "a list": (b'[{"user_id": "u2"}]', 'is no JSON object: [{"user_id": "u2"}]'),
    "a text": (b'"u2"', 'is no JSON object: "u2"'),
    "null": (b"null", "is no JSON object: null"),
    "windows-1252": (b'{"user_id": "M\xfcller"}', 'is not UTF-8: {"user_id": "M\\xfcller"}'),
    "torn character": (b'{"user_id": "\xe2\x82', 'is not UTF-8: {"user_id": "\\xe2\\x82'),
    "half a pair": (b'{"user_id": "\\ud800"}', 'is not valid JSON: {"user_id": "\\ud800"}'),
    "zeros of a torn block": (b"\0\0", "is not valid JSON: \\x00\\x00"),
    "long": (b"x" * 2000, f"is not valid JSON: {'x' * 1000}"),
}


@pytest.mark.parametrize("block", [64, 1 << 22], ids=["in blocks", "whole"])
@pytest.mark.parametrize("after", [[], [b"", LAST]], ids=["at the end", "in the middle"])
@pytest.mark.parametrize(("line", "fault"), BAD.values(), ids=BAD)
def test_a_bad_line_is_landed_as_such_and_the_others_as_ever(
    landed, monkeypatch, line: bytes, fault: str, after: list[bytes], block: int
) -> None:
    monkeypatch.setattr(ndjson_file, "BLOCK_BYTES", block)
    rows = said(landed("a.ndjson", b"\n".join([FIRST, b"", line, *after])))
    readable = [json.loads(line) for line in (FIRST, *after) if line]
    assert [row for row in rows if "unreadable" not in row] == readable
    assert [row for row in rows if "unreadable" in row] == [{"unreadable": f"line 3 of a.ndjson {fault}"}]


def test_marks_and_line_ends_are_no_content(landed) -> None:
    rows = landed("a.jsonl", b"\xef\xbb\xbf" + FIRST + b"\r\n\r\n  \n" + LAST + b"\r\n")
    assert said(rows) == [json.loads(FIRST), json.loads(LAST)]
    assert "unreadable" not in rows[0]


def test_values_are_landed_as_they_stand(landed) -> None:
    """Whatever type the same key has in other lines: the contract casts, and says which it could not."""
    lines = [
        {"user_id": 12345678901234567890123, "team": "x", "is_active": True, "preferences": {"b": [1, None], "a": "ü"}},
        {"user_id": "7", "team": 1.5, "is_active": "yes", "preferences": '{"a": 1}', "unreadable": "no column of ours"},
        {"user_id": ["u", 3], "team": None, "preferences": None, "updated_at": "2026-03-01"},
    ]
    assert said(landed("a.ndjson", "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode())) == [
        {"user_id": "12345678901234567890123", "team": "x", "is_active": "true", "preferences": '{"b":[1,null],"a":"ü"}'},
        {"user_id": "7", "team": "1.5", "is_active": "yes", "preferences": '{"a": 1}'},
        {"user_id": '["u",3]', "updated_at": "2026-03-01"},
    ]


def test_three_hundred_keys_and_a_text_of_ten_million_characters_pass(landed) -> None:
    row = {f"key {number}": number for number in range(300)} | {"user_id": "u1", "team": "x" * 10_000_000, "updated_at": "2026"}
    rows = landed("a.ndjson", json.dumps(row).encode() + b"\n" + FIRST)
    assert said(rows) == [{name: row[name] for name in ("user_id", "team", "updated_at")}, json.loads(FIRST)]


def test_a_document_in_one_line_is_told_from_rows(landed, monkeypatch) -> None:
    monkeypatch.setattr(ndjson_file, "BLOCK_BYTES", 100)
    monkeypatch.setattr(ndjson_file, "LINE_BYTES", 1000)
    with pytest.raises(GovpulseError, match=r"a\.ndjson: line 2 is over 1,000 bytes; write one row per line$"):
        landed("a.ndjson", FIRST + b"\n[" + b", ".join([FIRST] * 100) + b"]")


def test_a_required_key_may_come_late_but_has_to_come(landed, monkeypatch) -> None:
    monkeypatch.setattr(ndjson_file, "BLOCK_BYTES", 8)
    monkeypatch.setattr(json_lines, "TELLING_LINES", 10)
    lines = [b'{"user_id": "u1"}'] * 9
    assert len(landed("a.ndjson", b"\n".join([*lines, FIRST, *lines]))) == 19
    with pytest.raises(GovpulseError, match=r"users needs the column updated_at; it has user_id$"):
        landed("b.ndjson", b"\n".join([*lines, *lines, FIRST]))


def test_behind_the_zeros_of_a_lost_write_a_row_is_whole(landed) -> None:
    rows = landed("a.ndjson", b"\0\0" + FIRST + b'\n{"user_id": "u\0\0\0' + LAST)
    assert said(row for row in rows if not row["unreadable"]) == [json.loads(FIRST), json.loads(LAST)]
    assert [row["unreadable"] for row in rows if row["unreadable"]] == ['line 2 of a.ndjson is not valid JSON: {"user_id": "u']


def test_a_line_may_end_like_those_of_an_old_macintosh(landed, monkeypatch) -> None:
    monkeypatch.setattr(ndjson_file, "BLOCK_BYTES", 8)
    assert said(landed("a.ndjson", FIRST + b"\r" + LAST + b"\r")) == [json.loads(FIRST), json.loads(LAST)]
