"""What stands for an address: the same however it is written, another one for another address, and nothing of it to be seen."""

import re
import unicodedata

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import ExpertiseSettings
from storage.people.mentioned_addresses import MentionedAddresses
from storage.people.person import can_be_told
from storage.people.pseudonyms import Pseudonyms, pseudonym

SECRET, OTHER = b"s" * 32, b"o" * 32
HASHED = Pseudonyms("hash", SECRET)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ADDRESSES = st.builds("{}@{}".format, TEXT, TEXT)


@given(ADDRESSES)
def test_it_is_a_short_word_without_an_at_and_is_no_bot(address: str) -> None:
    stands = HASHED.of(address)
    assert re.fullmatch("u-[0-9a-f]{16}", stands)
    assert HASHED.of(stands) == stands
    assert can_be_told(stands), "forgetting finds it in texts"
    assert duckdb.execute("SELECT regexp_matches(?, ?)", [stands, ExpertiseSettings().bot_pattern]).fetchall() == [(False,)]


@given(ADDRESSES)
def test_capitals_blanks_and_encodings_make_no_other_person(address: str) -> None:
    stands = HASHED.of(address)
    for form in ("NFC", "NFD"):
        assert HASHED.of(unicodedata.normalize(form, address)) == stands
    assert HASHED.of(f" {address}\t") == stands
    assert HASHED.of(address.lower()) == stands
    if address.isascii():
        assert HASHED.of(address.upper()) == stands


@given(st.sets(st.from_regex(r"[a-z.]{1,6}@[a-z.]{1,6}", fullmatch=True), max_size=20))
def test_other_addresses_are_other_people(addresses: set[str]) -> None:
    assert len({HASHED.of(address) for address in addresses}) == len(addresses)
    assert all(pseudonym(address, OTHER) != HASHED.of(address) for address in addresses), "nobody can tell without the secret"


@given(st.text(st.characters(exclude_characters="@")))
def test_other_ids_stay_as_they_are(user: str) -> None:
    assert HASHED.of(user) == user
    assert HASHED.stand_in(user) is None


def test_the_secret_shows_nowhere() -> None:
    assert "s" * 8 not in repr(HASHED)
    assert str(HASHED) == "ids with an @: hash"


KNOWN = MentionedAddresses({"ann@x.org": "u-1", "ann.lee@x.org": "u-2", "o'hara@x": "u-3", "lee@x.org.uk": "u-4", "@bot": "u-5"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ann@x.org", "u-1"),
        ("sales rests on ann@x.org, ann.lee@x.org and ann@x.org.", "sales rests on u-1, u-2 and u-1."),
        ("ann.lee@x.org", "u-2"),
        ("joann@x.org and bob.ann@x.org", "joann@x.org and bob.ann@x.org"),
        ("ann@x.org.uk", "ann@x.org.uk"),
        ("lee@x.org.uk, not lee@x.org", "u-4, not lee@x.org"),
        ("scan-ann@x.org-1", "scan-ann@x.org-1"),
        (r"ann@x\.org|bob", "u-1|bob"),
        ("by o'hara@x (o'hara@x)", "by u-3 (u-3)"),
        ("@bot", "u-5"),
        ("@ @@ ann@", "@ @@ ann@"),
        ("", ""),
    ],
)
def test_they_are_renamed_where_they_stand_as_words(text: str, said: str) -> None:
    assert KNOWN.renamed(text) == said
