"""One HTTP request, and what its answer, or the lack of one, means."""

import codecs
import re
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from tasks.notifications.outcomes import DELIVERED, Outcome
from tasks.notifications.redaction import redact
from tasks.notifications.rendering import one_line
from tasks.notifications.withholding import withheld

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
LONGEST_RETRY_AFTER = timedelta(hours=1)
QUOTED = 200
ABOUT_THE_CHANNEL = frozenset({401, 403, 404, 408, 410, 425, 429})
"""Of the answers from 400 to 499: the others are about this one notification."""
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
"""What happens before a request goes out. OSError and ValueError come from reading certificates and headers, before it as well."""


def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime) -> Outcome:
    """Send one request, follow no redirect, and wait for its answer ten seconds in all.

    Args:
        secrets: what must not be repeated, the URL among them.
    """
    deadline = _Deadline()
    sent = {"User-Agent": "govpulse", "Accept-Encoding": "identity", **headers}
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with (
            withheld(),
            httpx.Client(timeout=timeout) as client,
            client.stream(method, url, headers=sent, content=body, extensions={"trace": deadline.watch}) as response,
        ):
            if response.is_success:
                return DELIVERED
            said = _beginning(response, secrets)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        problem = f"{_host(url)}: {_reason(error, deadline.is_over)}"
        is_unsent = isinstance(error, NOT_SENT) or not isinstance(error, httpx.HTTPError)
        return Outcome(is_delivered=False, problem=_clean(problem, secrets), is_maybe_received=not is_unsent)
    finally:
        deadline.cancel()
    status, asked = response.status_code, response.headers.get("Retry-After", "")
    return Outcome(
        is_delivered=False,
        problem=_clean(f"{_host(url)}: HTTP {status} {response.reason_phrase} {said}", secrets),
        retry_after=parse_retry_after(asked, now) if status in (429, 503) else None,
        is_channel_wide=not 400 <= status < 500 or status in ABOUT_THE_CHANNEL,
    )


def parse_retry_after(text: str, now: datetime) -> timedelta | None:
    """What a receiver asks for, in seconds or as an HTTP date; at most an hour, None if it is neither."""
    if re.fullmatch(r"\s*\d{1,15}\s*", text):
        return timedelta(seconds=min(int(text), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST_RETRY_AFTER)


class _Deadline:
    """Ends a connection that has lasted too long: httpx bounds each read, not an answer that comes byte by byte."""

    def __init__(self) -> None:
        self.is_over = False
        self._stream: Any = None
        self._timer = threading.Timer(ANSWER_SECONDS, self._end)
        self._timer.daemon = True

    def watch(self, event: str, details: dict[str, Any]) -> None:
        if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            return
        is_first, self._stream = self._stream is None, details["return_value"]
        if is_first:
            self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        connection = self._stream.get_extra_info("socket")
        with suppress(OSError, TypeError):  # it may have ended, and some streams have no socket to show
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _reason(error: Exception, is_over: bool) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if is_over or isinstance(error, httpx.TimeoutException):
        return f"no answer within {ANSWER_SECONDS:g} s"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return f"no connection: {error}"
    if isinstance(error, httpx.InvalidURL):  # it quotes what it takes for the port, which may be a part of the password
        return "the request cannot be sent: its URL is not valid"
    if isinstance(error, NOT_SENT) or not isinstance(error, httpx.HTTPError):
        return f"the request cannot be sent: {error}"
    return f"the connection was cut before an answer arrived: {error}"


def _beginning(response: httpx.Response, secrets: Sequence[str]) -> str:
    """The first words of a refusal; PagerDuty and others say there what was wrong. They may end within a secret."""
    is_text = response.headers.get("Content-Type", "").startswith(("text/plain", "application/json", "application/problem+json"))
    with suppress(httpx.HTTPError):
        for chunk in response.iter_raw(QUOTED) if is_text else ():
            text = codecs.getincrementaldecoder("utf-8")("replace").decode(chunk)  # without half a character at the end
            return redact(text, secrets, is_cut=len(chunk) >= QUOTED)
    return ""


def _clean(problem: str, secrets: Sequence[str]) -> str:
    return one_line(" ".join(redact(problem, secrets).split()), 2 * QUOTED)


def _host(url: str) -> str:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "its URL"
    return address.netloc.decode("ascii", "replace") or "its URL"
