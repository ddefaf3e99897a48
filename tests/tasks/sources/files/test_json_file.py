"""A JSON array: a broken object costs no other one that is whole and has what a row needs."""

import json

import pytest

from tasks.sources.files import json_file

ROWS = [{"user_id": f"u{number}", "team": "x", "updated_at": "2025-03-01"} for number in range(6)]
BROKEN = {
    "quote without an end": '{"user_id": "b, "team": "x", "updated_at": "2025-03-01"}',
    "quote missing": '{"user_id": b", "team": "x", "updated_at": "2025-03-01"}',
    "brace missing": '{"user_id": "b", "team": {"a": 1, "updated_at": "2025-03-01"}',
    "cut": '{"user_id": "b", "te',
    "objects in it": '{"user_id": oops, "team": [{"a": 1}, {"b": 2}], "updated_at": "2025-03-01"}',
    "a bracket too many": '{"user_id": "b"]}',
    "control character": '{"user_id": "b\n", "team": "x", "updated_at": "2025-03-01"}',
    "zeros": "\0\0\0\0",
    "a row in a text": '{"user_id": oops, "team": ' + json.dumps(json.dumps([*ROWS, *ROWS])) + "}",
}


@pytest.mark.parametrize("block", [16, 1 << 20])
@pytest.mark.parametrize("between", [",", ",\n  "])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_whole_behind_a_broken_object_is_a_row(landed, monkeypatch, broken: str, between: str, block: int) -> None:
    monkeypatch.setattr(json_file, "BLOCK_CHARACTERS", block)
    texts = [json.dumps(row) for row in ROWS]
    rows = landed("a.json", f"[{between.join([*texts[:2], broken, *texts[2:]])}]".encode())
    assert [{name: row[name] for name in ROWS[0]} for row in rows if not row["unreadable"]] == ROWS
    assert [row["unreadable"][:22] for row in rows if row["unreadable"]] == ["object 3 of a.json is "]


def test_an_object_within_a_broken_one_is_no_row(landed) -> None:
    """Even one that has all columns: it is the value of a key."""
    inside = json.dumps(ROWS[0])
    rows = landed("a.json", f'[{json.dumps(ROWS[1])}, {{"user_id": oops, "was": {inside}}}, {json.dumps(ROWS[2])}]'.encode())
    assert [row["user_id"] for row in rows if not row["unreadable"]] == ["u1", "u2"]


def test_arrays_one_behind_the_other_are_read(landed) -> None:
    both = f"{json.dumps(ROWS[:3])}\n{json.dumps(ROWS[3:])}\n"
    assert [row["user_id"] for row in landed("a.json", both.encode()) if row["user_id"]] == [f"u{number}" for number in range(6)]
