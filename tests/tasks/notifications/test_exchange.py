"""Every way in which a receiver fails, on real connections: what the outcome says of it, and that no secret is in it."""

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.notifications import exchange as module
from tasks.notifications.exchange import exchange, parse_retry_after
from tasks.notifications.heartbeat import ping
from tasks.notifications.outcomes import DELIVERED, Outcome
from tests.receiver import Answer, Receiver, receiving
from tests.tls_proxy import Authority

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PATH = "/hook/s3cretpath?token=t0psecret"
SECRETS = ("s3cretpath", "t0psecret", "passw0rd")


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.4)


def post(url: str) -> Outcome:
    outcome = exchange("POST", url, {"Content-Type": "application/json"}, b'{"a": 1}', secrets=(url,), now=NOW)
    if outcome.problem is not None:
        assert outcome.problem.splitlines() == [outcome.problem]
        assert not any(secret in outcome.problem for secret in SECRETS)
    assert outcome.is_delivered == (outcome.problem is None)
    return outcome


def url_of(receiver: Receiver, user: str = "") -> str:
    return receiver.url.replace("://", f"://{user}") + PATH


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    with receiving(Answer(status=status)) as receiver:
        assert post(url_of(receiver, "me:passw0rd@")) == DELIVERED
    (got,) = receiver.requests
    assert (got.method, got.path, got.body) == ("POST", PATH, b'{"a": 1}')


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 408, 410, 425, 429, 500, 502, 503, 504, 599])
def test_an_answer_that_any_notification_would_get_is_about_the_channel(status: int) -> None:
    with receiving(Answer(status=status, headers={"Location": "/elsewhere"})) as receiver:
        outcome = post(url_of(receiver))
    assert (outcome.is_channel_wide, outcome.is_maybe_received) == (True, False)
    assert f"HTTP {status}" in outcome.problem
    assert f"127.0.0.1:{receiver.port}" in outcome.problem
    assert len(receiver.requests) == 1, "a redirect is not followed, and nothing is sent twice"


@pytest.mark.parametrize("status", [400, 402, 406, 409, 413, 415, 422, 451])
def test_an_answer_to_this_notification_is_about_it_alone(status: int) -> None:
    with receiving(Answer(status=status)) as receiver:
        assert post(url_of(receiver)).is_channel_wide is False


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", b'{"errors": ["s3cretpath is unknown",\r\n "t0psecret"]}', '{"errors": ["*** is unknown", "***"]}'),
        ("text/plain; charset=utf-8", b"invalid_payload", "invalid_payload"),
        ("text/html", b"<html>", "Bad Request"),
        ("text/plain", b"\xff" * 100_000, "\ufffd"),
    ],
)
def test_what_the_receiver_says_is_quoted_without_secrets(kind: str, body: bytes, said: str) -> None:
    with receiving(Answer(status=400, headers={"Content-Type": kind}, body=body)) as receiver:
        problem = post(url_of(receiver)).problem
    assert problem.endswith(said)
    assert len(problem) < 500


@pytest.mark.parametrize("end", [1, 5, 9])
@pytest.mark.parametrize("secret", [*SECRETS, "ümläutschlüssel"])
def test_a_quotation_does_not_end_within_a_secret(secret: str, end: int) -> None:
    body = "x" * (module.QUOTED - len(secret[:end].encode())) + secret
    for extra in (b"", b"!"):  # which ends within a character
        with receiving(Answer(500, {"Content-Type": "text/plain"}, extra + body.encode())) as receiver:
            url = url_of(receiver, "me:passw0rd@")
            problem = exchange("POST", url, {}, b"", secrets=(url, "ümläutschlüssel"), now=NOW).problem
        assert problem.rstrip("*").endswith("x")


@pytest.mark.parametrize("url", ["http://u:passw0rd/t0psecret@h/x", "http://h:s3cretpath/x", "http://[s3cretpath/x"])
def test_a_url_that_is_none_is_not_repeated(url: str) -> None:
    assert not post(url).is_delivered


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("86400", 3600),
        ("9" * 12, 3600),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(NOW - timedelta(minutes=2), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=2), usegmt=True), 3600),
        ("Tue, 10 Mar 2026 12:00:05 -0000", 5),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("nan", None),
        ("9" * 5000, None),
        ("Tue, 99 Mar 2026 12:00:05 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour_or_nothing(status: int, header: str, seconds: float | None) -> None:
    with receiving(Answer(status=status, headers={"Retry-After": header})) as receiver:
        outcome = post(url_of(receiver))
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))
    assert outcome.is_channel_wide


def test_retry_after_counts_where_it_belongs_only() -> None:
    with receiving(*(Answer(status=status, headers={"Retry-After": "7"}) for status in (500, 400))) as receiver:
        assert [post(url_of(receiver)).retry_after for _ in range(2)] == [None, None]


@given(st.text())
def test_no_retry_after_raises(text: str) -> None:
    wait = parse_retry_after(text, NOW)
    assert wait is None or timedelta() <= wait <= timedelta(hours=1)


@contextmanager
def refusing() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def unreachable() -> Iterator[str]:
    """Nobody accepts, and the queue of connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for client in waiting:
            client.close()


@contextmanager
def unknown() -> Iterator[str]:
    yield "http://nobody.invalid"


@contextmanager
def without_tls() -> Iterator[str]:
    with receiving() as receiver:
        yield receiver.url.replace("http:", "https:")


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        (refusing, "refused"),
        (unreachable, "no connection within 0.3 s"),
        (unknown, "no connection"),
        (without_tls, "SSL"),
    ],
)
def test_where_no_connection_comes_about_nothing_was_received(impatient, receiver, said: str) -> None:
    with receiver() as url:
        outcome = post(url.replace("://", "://me:passw0rd@") + PATH)
    assert said in outcome.problem
    assert (outcome.is_channel_wide, outcome.is_maybe_received, outcome.retry_after) == (True, False, None)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h",
        "http://h:port",
        "http://127.0.0.1:99999",
        "http://h\x00",
        "http://h\n",
        "http://" + "h" * 300,
        "//h",
        "h",
        "",
        "http://",
        "http://\ud800",
        "http://ex ample",
    ],
)
def test_a_wrong_url_is_said_without_an_exception(url: str) -> None:
    outcome = post(url + PATH)
    assert (outcome.is_delivered, outcome.is_channel_wide, outcome.is_maybe_received) == (False, True, False)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(delay=5), "no answer within 0.4 s"),
        (Answer(ending="drip"), "no answer within 0.4 s"),
        (Answer(ending="cut"), "cut"),
        (Answer(ending="half"), "cut"),
        (Answer(ending="unread"), "cut"),
    ],
    ids=lambda value: value.ending if isinstance(value, Answer) else "",
)
def test_where_no_answer_comes_it_may_have_been_received(impatient, answer: Answer, said: str) -> None:
    began = time.monotonic()
    with receiving(answer) as receiver:
        outcome = post(url_of(receiver))
        took = time.monotonic() - began
    assert said in outcome.problem
    assert (outcome.is_channel_wide, outcome.is_maybe_received) == (True, True)
    assert took < 3, "an answer in drops does not hold the sender for ever"
    assert len(receiver.requests) == (answer.ending != "unread")


def test_a_late_answer_in_time_is_an_answer(impatient) -> None:
    with receiving(Answer(delay=0.2)) as receiver:
        assert post(url_of(receiver)).is_delivered


def test_a_2xx_counts_though_its_body_never_comes(impatient) -> None:
    with receiving(Answer(headers={"Content-Length": "1000"}, body=b"x" * 10)) as receiver:
        assert post(url_of(receiver)).is_delivered


def test_the_certificate_must_be_trusted(impatient, monkeypatch, tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    with receiving(certificate=ours.issue("127.0.0.1")) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(other.path))
        outcome = post(url_of(receiver))
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.problem
        assert (outcome.is_channel_wide, outcome.is_maybe_received) == (True, False)
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.path))
        assert post(url_of(receiver)).is_delivered
        receiver.answers += [Answer(ending="drip")]
        assert "no answer within 0.4 s" in post(url_of(receiver)).problem
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
        assert post(url_of(receiver)).is_maybe_received is False
    assert len(receiver.requests) == 2


def test_a_proxy_of_the_environment_is_used(monkeypatch) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert post("http://receiver.invalid" + PATH).is_delivered
    assert proxy.requests[0].path == "http://receiver.invalid" + PATH
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert post("http://receiver.invalid" + PATH).is_maybe_received is False, "the proxy has gone"


def test_nothing_of_the_url_is_logged(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(Answer(), Answer(status=500)) as receiver:
        post(url_of(receiver, "me:passw0rd@"))
        post(url_of(receiver, "me:passw0rd@"))
    post(url_of(receiver, "me:passw0rd@"))
    assert not any(secret in caplog.text for secret in SECRETS)


def test_the_heartbeat_is_called_and_its_failure_told_without_its_token() -> None:
    with receiving(Answer(), Answer(status=404)) as receiver:
        assert ping(url_of(receiver), NOW) is None
        problem = ping(url_of(receiver), NOW)
    assert "HTTP 404" in problem
    assert not any(secret in problem for secret in SECRETS)
    assert [(got.method, got.path, got.body) for got in receiver.requests] == [("GET", PATH, b"")] * 2


def test_a_receiver_of_its_own_process_logs_each_request_before_it_answers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tests.receiver", "0", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            url = f"http://127.0.0.1:{int(process.stdout.readline())}/ops"
            assert post(url).is_delivered
            outcome = post(url + "?status=503&retry_after=9")
            assert outcome.retry_after == timedelta(seconds=9)
            assert post(url + "?ending=cut").is_maybe_received
            logged = [json.loads(line) for line in log.read_text().splitlines()]
            assert [line["path"] for line in logged] == ["/ops", "/ops?status=503&retry_after=9", "/ops?ending=cut"]
            assert json.loads(logged[0]["body"]) == {"a": 1}
        finally:
            process.kill()
