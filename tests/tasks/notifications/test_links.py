"""A permit allows what it says, once it is signed by this installation, for a day, and no other text stands for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storage.errors import ConfigurationError
from tasks.message import ENDS, from_json, to_json
from tasks.notifications.links import LIFE, Links, Permit, linked, read_permit, written
from tests.messages import MESSAGE, NOW, digest, message

KEY = SecretStr("key of this installation")
LINKS = Links("https://pulse.example.com", KEY)
PERMIT = Permit("ack", "9f86d081884c7d65", 3, "5c1b0d7f2a9e4c33", datetime(2026, 3, 11, 12, 0, 30, tzinfo=UTC))
TOKEN = written(PERMIT, KEY)


def test_a_permit_is_read_as_it_was_written() -> None:
    assert read_permit(TOKEN, KEY, NOW) == PERMIT


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_permit_with_one_letter_changed_is_none(place: int, letter: str) -> None:
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed == TOKEN:
        return
    with pytest.raises(ConfigurationError, match="not complete"):
        read_permit(changed, KEY, NOW)


@given(st.text() | st.integers(0, len(TOKEN) - 1).map(lambda end: TOKEN[:end]) | st.just(TOKEN + "="))
def test_what_nobody_signed_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not complete"):
        read_permit(text, KEY, NOW)


def test_another_installations_permit_is_none_here() -> None:
    with pytest.raises(ConfigurationError, match="not one of this installation"):
        read_permit(written(PERMIT, SecretStr("another key")), KEY, NOW)


def test_it_holds_for_a_day() -> None:
    (token,) = [url.rpartition("/")[2] for name, url in linked(MESSAGE, "n1", LINKS, NOW).links.items() if name == "ack"]
    assert timedelta(days=1) == LIFE
    assert read_permit(token, KEY, NOW + LIFE - timedelta(seconds=2)).act == "ack"
    with pytest.raises(ConfigurationError, match=r"held until 2026-03-11 12:00 UTC"):
        read_permit(token, KEY, NOW + LIFE)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (MESSAGE, {"alert", "ack", "silence"}),
        (message(event="eased"), {"alert", "ack", "silence"}),
        *((message(event=event), {"alert"}) for event in ENDS),
        (digest(3), {"alerts"}),
    ],
)
def test_what_a_message_links_to(told, names) -> None:
    assert set(linked(told, "n1", LINKS, NOW).links) == names
    assert linked(told, "n1", Links(), NOW) == told, "without an address there is nothing to link to"


def test_a_plot_goes_with_what_is_not_over() -> None:
    links = replace(LINKS, plot_of=lambda rule, subject, labels: Path(f"/plots/{subject}.png"))
    told = linked(MESSAGE, "n1", links, NOW)
    assert (told.picture, told.links["plot"]) == ("/plots/web-1.png", "https://pulse.example.com/plots/web-1.png")
    assert linked(message(event="resolved"), "n1", links, NOW).picture == ""
    assert linked(MESSAGE, "n1", replace(links, base=""), NOW).links == {}


def test_links_are_of_the_message_and_its_notification() -> None:
    links = linked(MESSAGE, "n1", LINKS, NOW).links
    assert links["alert"] == "https://pulse.example.com/alerts/9f86d081884c7d65"
    base, _, token = links["silence"].rpartition("/")
    assert base == "https://pulse.example.com/act"
    assert read_permit(token, KEY, NOW) == Permit(
        "silence", MESSAGE.fingerprint, MESSAGE.episode, "n1", (NOW + LIFE).replace(microsecond=0)
    )


def test_what_is_kept_of_a_message_has_no_permit() -> None:
    assert "/act/" not in to_json(MESSAGE)
    assert from_json(to_json(MESSAGE)).links == {}
