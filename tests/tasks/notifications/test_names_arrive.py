"""What people wrote in names arrives as written on every channel, but for what is disarmed, of which one can tell what it was."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from storage.printable import printable
from tasks.message import Message
from tasks.notifications import chat
from tasks.notifications.channels import Channel, Kind
from tasks.notifications.outcomes import DELIVERED
from tasks.notifications.rendering import render_line
from tasks.notifications.senders import send
from tests.messages import NASTY, NOW, message
from tests.receiver import Receiver, receiving

names = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(
        st.sampled_from("a1 .,:;|*_`~<>&\"'\\/@!#[](){}%$\n\r\t\x00\x1b\u200b\u2028\u202e\u2060é漢😀"), min_size=1, max_size=40
    ),
    st.sampled_from([NASTY, "{{ 7 * 7 }}", "=1+1", "<!here>", ":x:", "&lt;b&gt;", "https://e.example/a_b*c*"]),
)
OWN = '{"statement": {{ statement | tojson }}}'


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as there:
        yield there


def said(receiver: Receiver, kind: Kind, told: Message) -> Any:
    """What arrives of the message."""
    channel = Channel("c", kind, url=SecretStr(receiver.url), secret=SecretStr("k"), template=OWN)
    assert send(channel, told, "n1", NOW) == DELIVERED
    return json.loads(receiver.requests.pop().body)


@pytest.mark.parametrize(
    ("kind", "there", "shown"),
    [
        ("webhook", lambda body: body["statement"], str),
        ("template", lambda body: body["statement"], str),
        ("pagerduty", lambda body: body["payload"]["custom_details"]["title"], str),
        ("alertmanager", lambda body: body[0]["annotations"]["summary"], str),
        ("alertmanager", lambda body: body[0]["labels"]["subject"], printable),
    ],
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names.filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_in_json_it_is_exactly_what_is_stored(
    receiver: Receiver, kind: Kind, there: Callable[[Any], str], shown: Callable[[str], str], name: str
) -> None:
    told = message(statement=name, title=name, subject=name)
    assert there(said(receiver, kind, told)) == shown(name)


@given(names)
def test_in_chat_taking_away_what_was_put_in_gives_what_is_seen(name: str) -> None:
    seen = printable(name)
    assert chat.plain(name).replace(chat.JOINER, "") == seen
    assert chat.slack(name).replace(chat.JOINER, "") == seen
    unescaped = re.sub(r"\\([\\`*_~|\[\]>#+.)-])", r"\1", chat.markdown(name).replace(chat.JOINER, ""))
    assert unescaped == seen


@given(names)
def test_on_the_console_it_is_what_is_seen(name: str) -> None:
    assert f": {printable(name)} [" in render_line(message(statement=name))
