"""A message keeps everything through JSON, and no name in it breaks a line, a header or a block of code."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.message import Member, Message, from_json, runbook_link, to_json
from tasks.notifications import chat
from tasks.notifications.rendering import one_line, render_line, render_markdown, render_text
from tests.messages import MESSAGE, NASTY, digest, message

instants = st.datetimes(min_value=datetime(1990, 1, 1), timezones=st.just(UTC))
members = st.builds(Member, st.text(), st.text(), st.text(), st.text(), st.text())
messages = st.builds(
    Message,
    fingerprint=st.text(),
    episode=st.integers(),
    event=st.text(),
    severity=st.text(),
    rule=st.text(),
    subject=st.text(),
    labels=st.dictionaries(st.text(), st.text()),
    value=st.none() | st.floats(allow_nan=False),
    threshold=st.none() | st.floats(allow_nan=False),
    since=instants,
    at=instants,
    title=st.text(),
    statement=st.text(),
    runbook=st.text(),
    query=st.text(),
    is_sample=st.booleans(),
    members=st.lists(members, max_size=3).map(tuple),
)


@given(messages)
def test_a_message_comes_back_from_json_as_it_was(given: Message) -> None:
    assert from_json(to_json(given)) == given


def test_what_is_not_a_number_is_valid_json_and_comes_back() -> None:
    text = to_json(message(value=math.nan))
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert math.isnan(from_json(text).value)


@given(messages)
def test_the_line_is_one_line_and_commands_no_terminal(given: Message) -> None:
    line = render_line(given)
    assert line.splitlines() == [line]
    assert line.isprintable() or not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in line)


def test_the_line_holds_what_matters() -> None:
    line = render_line(MESSAGE)
    for words in ("FIRING", "critical", "97.0%", "95.0%", "disk_almost_full", "2026-03-10 11:55 UTC"):
        assert words in line
    assert "web-1" in line


def test_the_text_says_value_threshold_since_when_runbook_and_query() -> None:
    text = render_text(MESSAGE)
    assert text.startswith(MESSAGE.statement + "\n")
    for line in (
        "Value: 0.97",
        "Threshold: 0.95",
        "Severity: critical",
        "Since: 2026-03-10 11:55 UTC",
        "Labels: device=sda1, mount=/data",
        f"Runbook: {MESSAGE.runbook}",
    ):
        assert line in text.splitlines()
    assert MESSAGE.query in text


def test_what_is_not_there_has_no_line() -> None:
    text = render_text(message(value=None, threshold=None, runbook="", query="", labels={}))
    assert text == f"{MESSAGE.statement}\n\nSeverity: critical\nSince: 2026-03-10 11:55 UTC"


def test_sample_data_are_called_so() -> None:
    assert "sample data" in render_text(message(is_sample=True))
    assert "sample data" not in render_text(MESSAGE)


def test_a_name_begins_no_line_of_its_own() -> None:
    text = render_text(message(statement=NASTY, labels={NASTY: NASTY}, runbook=NASTY, query=""))
    assert not any(line.startswith("Bcc:") for line in text.splitlines())


def test_a_digest_lists_fifty_and_counts_the_rest() -> None:
    lines = render_text(digest(1234)).splitlines()
    assert sum(line.startswith("- warning: web-") for line in lines) == 50
    assert "and 1,184 more" in lines
    assert "more" not in render_text(digest(50))
    assert render_text(digest(12)).count("- warning: ") == 12


@given(messages, st.integers(1, 2_000))
def test_where_there_is_little_room_the_important_part_is_there_and_whole(given: Message, room: int) -> None:
    told = replace(
        given, links={"alert": "https://pulse.example.com/alerts/abc", "ack": "https://pulse.example.com/act/" + "x" * 80}
    )
    for shown in (chat.markdown, chat.slack, str):
        body = render_text(told, shown, room)
        links = f"Alert: {told.links['alert']}\nAcknowledge: {told.links['ack']}"
        assert links in body, "half a link leads nowhere"
        assert len(body) <= max(room, len(links) + 4)


def test_what_does_not_fit_is_counted_or_left_out_whole() -> None:
    text = render_text(digest(1234), longest=300)
    assert len(text) <= 300
    lines = text.splitlines()
    told = sum(line.startswith("- warning: web-") for line in lines)
    assert lines[-1] == f"and {1234 - told:,} more"
    assert 0 < told < 50
    long = message(query="SELECT " + "x" * 500)
    assert "SELECT" not in render_text(long, longest=300)
    assert "Threshold: 0.95" in render_text(long, longest=300)
    cut = render_text(message(statement="s" * 900), longest=200)
    assert cut.startswith("sss")
    assert "…" in cut
    assert len(cut) <= 200


def test_in_markdown_the_query_is_a_block_of_code() -> None:
    assert f"```\n{MESSAGE.query}\n```" in render_markdown(MESSAGE, chat.markdown)
    assert "```" not in render_markdown(message(query=""), chat.markdown)
    assert "```" not in render_markdown(message(query="SELECT '```'"), chat.markdown), "a query cannot end its block"


@given(st.text(), st.integers(1, 20))
def test_a_cut_line_is_not_longer_than_asked(text: str, limit: int) -> None:
    assert len(one_line(text, limit)) <= limit


@pytest.mark.parametrize(
    ("runbook", "base", "link"),
    [
        ("docs/runbooks/a.md", "", "docs/runbooks/a.md"),
        ("docs/runbooks/a.md", "https://git.example.com/blob/main/", "https://git.example.com/blob/main/docs/runbooks/a.md"),
        ("/docs/a.md", "https://git.example.com", "https://git.example.com/docs/a.md"),
        ("https://wiki.example.com/a", "https://git.example.com", "https://wiki.example.com/a"),
        ("", "https://git.example.com", ""),
    ],
)
def test_a_runbook_that_is_a_path_is_put_behind_the_base(runbook: str, base: str, link: str) -> None:
    assert runbook_link(runbook, base) == link
