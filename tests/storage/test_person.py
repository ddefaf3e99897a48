"""Where an id stands in a text, and the text without it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.people.person import NOBODY, Person, can_be_told, codes, forms, in_base64, in_document, spellings

STAND_IN = "forgotten-0123456789abcdef"
IDS = ["ann.lee", "o'hara", 'a"b', "100%x", "a\\b", "ünï", "[x]y", "ann lee", "ann@corp.example", "u_1", ".*", "日本", "-ab-"]
TEXTS = st.lists(st.sampled_from([*"ab.-_@ /7ü\u0301\"'\\", "ann.lee", "u_1"]), max_size=12).map("".join)


@pytest.mark.parametrize("user", IDS)
def test_words_tell_of_nobody_and_longer_ids_stay(user: str) -> None:
    person = Person(user)
    said = f"{user} left; on {user}, ({user}) and {user}. Not x{user}, {user}2, {user}-2, {user}.{user}, {user}@x nor _{user}."
    assert person.without(f"on {user}, ({user})") == f"on {NOBODY}, ({NOBODY})"
    assert person.without(f"{user}") == NOBODY
    assert person.without(f"{user}. Then") == f"{NOBODY}. Then"
    left = person.without(said)
    for longer in (f"{user}-2", f"{user}.{user}", f"{user}@x", f"_{user}"):
        assert longer in left
    assert person.without(left) == left


@pytest.mark.parametrize("user", IDS)
def test_in_longer_ids_a_stand_in_takes_the_place_of_the_part(user: str) -> None:
    person = Person(user, STAND_IN)
    for before, after in (("scan-", "-2026"), ("doc/", "/1"), ("", "@corp"), ("job_of_", ""), ("x:", ":y")):
        expected = NOBODY if (before, after) in {("doc/", "/1"), ("x:", ":y")} else STAND_IN
        assert person.without(f"{before}{user}{after}") == f"{before}{expected}{after}"
        assert person.without_part(f"{before}{user}{after}") == f"{before}{STAND_IN}{after}"


def test_letters_and_digits_that_go_on_make_another_word() -> None:
    person = Person("ann", STAND_IN)
    for text in ("joann", "annie", "ann2", "2ann", "Ann", "änn", "anń", "ann\u0301"):
        assert person.without(text) == text
        assert not person.is_in(text)


def test_what_is_in_the_id_of_somebody_else_is_theirs() -> None:
    person = Person("ann", STAND_IN, ("ann.lee", "mary-ann"))
    text = "scan-ann.lee-1 of mary-ann, scan-ann-1"
    assert person.without(text) == f"scan-ann.lee-1 of mary-ann, scan-{STAND_IN}-1"
    assert person.around(text) == ["scan-ann-1"]


def test_what_happens_to_stand_in_a_uuid_stays() -> None:
    uuid = "0b605301-dead-4bad-8bad-0123456789ab"
    assert Person("dead", STAND_IN).without(f"scan {uuid}, x-dead-y") == f"scan {uuid}, x-{STAND_IN}-y"
    assert Person(uuid, STAND_IN).without(f"scan-{uuid}-1") == f"scan-{STAND_IN}-1"


@given(TEXTS, st.sampled_from(["ann.lee", "u_1", "ab", "ü", "a.", "'"]))
def test_whatever_the_text_nothing_is_left_and_nothing_else_changes(text: str, user: str) -> None:
    person = Person(user, "\x00")
    without = person.without(text)
    assert not person.is_in(without)
    assert without.replace("\x00", user).replace(NOBODY, user) == text
    assert person.is_in(text) == (without != text)


@given(
    st.recursive(
        TEXTS | st.integers() | st.booleans() | st.none(), lambda of: st.lists(of) | st.dictionaries(TEXTS, of), max_leaves=8
    )
)
def test_documents_stay_documents(document: object) -> None:
    """Written in either way, within another or not."""
    person = Person("ann.lee", "x")
    for ascii_only in (True, False):
        text = json.dumps(document, ensure_ascii=ascii_only)
        after = in_document(text, person.without)
        assert not [mark for mark in spellings("ann.lee") if mark == b"ann.lee" and person.is_in(after)]
        json.loads(after)
        nested = in_document(json.dumps({"log": text}), person.without)
        assert json.loads(json.loads(nested)["log"]) == json.loads(after)
        assert after == text or person.is_in(text)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_texts_is_put_right_and_that_of_pictures_is_not(encode) -> None:
    person = Person("ünï.lee", "x")
    for text in ("ünï.lee", "of ünï.lee", "the page of ünï.lee ~~~"):
        code = encode(text.encode()).decode()
        changed = in_base64(f"data {code} end", person.without)
        assert encode(person.without(text).encode()).decode() in changed
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + "ünï.lee".encode() * 9).decode()
    assert in_base64(picture, person.without) == picture


@given(st.text(min_size=4, max_size=8), st.binary(max_size=7), st.binary(max_size=7))
def test_a_spelling_is_found_wherever_the_id_is(user: str, before: bytes, after: bytes) -> None:
    content = user.encode()
    coded = base64.b64encode(before + content + after)
    twice = json.dumps(json.dumps(f"x{user}y"))
    for held in (content, coded, json.dumps(user).encode(), json.dumps(user, ensure_ascii=False).encode(), twice.encode()):
        assert any(mark in held for mark in (*spellings(user), *codes(user)))


@pytest.mark.parametrize(
    "user", ["7", "10432", "a", "ü", "failed", "Failed", "all", "the", "system", "production", "user_id", "%", "(1)"]
)
def test_numbers_letters_and_words_of_ours_cannot_be_told(user: str) -> None:
    assert not can_be_told(user)


@pytest.mark.parametrize("user", ["ann", "u-1", "u1", "o'hara", "ünï", "ann@corp.example", "日本", "failed-2"])
def test_other_ids_can(user: str) -> None:
    assert can_be_told(user)


def test_an_accent_may_be_a_character_of_its_own() -> None:
    assert forms("ünï") == ("ünï", "u\u0308ni\u0308")
    assert forms("u\u0308ni\u0308") == ("u\u0308ni\u0308", "ünï")
    assert forms("ann") == ("ann",)
