"""No part of a secret stays in a text, however a library spells it."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.notifications.redaction import MASK, redact

token = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~ %+ü", min_size=6, max_size=30).filter(
    lambda text: text.strip(" .") == text and MASK not in text
)
URLS = {
    "https": "https://{}:{}@hooks.example.com/{}/x?key={}",
    "apprise host": "tgram://{}:{}/{}/?token={}",
    "apprise path": "mailtos://{}:{}@mail.example.com/{}?to={}",
}


@pytest.mark.parametrize("pattern", URLS.values(), ids=URLS)
@given(parts=st.lists(token, min_size=4, max_size=4), around=st.text("xyz :/'\"", max_size=5))
def test_no_part_of_a_url_stays(pattern: str, parts: list[str], around: str) -> None:
    encoded = [quote(part, safe="") for part in parts]
    url = pattern.format(*encoded)
    for part, spelt in zip(parts, encoded, strict=True):
        for spelling in (part, spelt, spelt.lower(), url, url.upper()):
            said = redact(f"{around}{spelling}{around}", [url]).lower()
            assert part.lower() not in said
            assert spelt.lower() not in said


@given(secret=st.text(min_size=1).filter(lambda text: text.lower() not in MASK), before=st.text("xyz"), after=st.text("xyz"))
def test_a_secret_that_is_no_url_goes_whole(secret: str, before: str, after: str) -> None:
    assert MASK in redact(before + secret + after, [secret])


@pytest.mark.parametrize(
    ("url", "text", "said"),
    [
        ("https://h.example.com/T000/B000/xyzxyz", "POST /T000/B000/xyzxyz failed", "POST *** failed"),
        ("https://h.example.com/T000/B000/xyzxyz", "h.example.com: HTTP 404", "h.example.com: HTTP 404"),
        ("https://h.example.com:8443/xyzxyz", "h.example.com:8443 refused", "h.example.com:8443 refused"),
        ("http://u:pw@h/x", "Authorization: Basic " + base64.b64encode(b"u:pw").decode(), "Authorization: Basic ***"),
        (
            "mailtos://ops:geh@mail.example.com",
            "login as ops with geh at mail.example.com",
            "login as ops with *** at mail.example.com",
        ),
        ("slack://TokenAAA/TokenBBB/TokenCCC", "hooks/services/TokenAAA/TokenBBB/TokenCCC", "hooks/services/******"),
        ("discord://1234567890/abc_def-123", "1234567890 is unknown", "*** is unknown"),
        ("json://localhost:8080/secret-path", "localhost:8080 refused", "localhost:8080 refused"),
        ("http://[broken/secret-path", "http://[broken/secret-path is wrong: broken, secret-path", "*** is wrong: ***, ***"),
        ("http://ops:first-part/last-part@h/x", "Invalid port: 'first-part', last-part", "Invalid port: '***', ***"),
        ("http://127.0.0.1:geheimnis/x", "Invalid port: 'geheimnis' of 127.0.0.1", "Invalid port: '***' of ***"),
        ("http://hooks:8080/secret-path", "hooks:8080 refused secret-path", "hooks:8080 refused ***"),
        ("http://[::1]:80/secret-path", "[::1]:80 refused", "[::1]:80 refused"),
        ("http://ops:abcdef%2Fghij%22kl@h/x", r'"abcdef\/ghij\"kl" or abcdef', '"***" or ***'),
        ("http://ops:pass%20w%2Brd%C3%BC@h/x", r"pass+w%2Brd%C3%BC, pass w+rd\u00fc", "***, ***"),
        ("the first key/the second", "'the second' and 'second', the first key", "'the ***' and '***', the first key"),
        ("", "nothing to hide", "nothing to hide"),
    ],
)
def test_the_address_stays_and_the_secret_goes(url: str, text: str, said: str) -> None:
    assert redact(text, [url]) == said


@given(path=token, before=st.text("([<"), end=st.integers(1, 30))
def test_where_a_text_was_cut_no_beginning_of_a_secret_stays(path: str, before: str, end: int) -> None:
    beginning = path[:end]
    assert redact(before + beginning, [f"https://h/{quote(path, safe='')}", path], is_cut=True) == before + MASK


def test_a_text_that_was_cut_elsewhere_stays() -> None:
    assert redact("no such key", ["s3cret", "https://h/s3cret"], is_cut=True) == "no such key"
    assert redact("no such k", ["s3cret", "https://h/s3cret"]) == "no such k"
