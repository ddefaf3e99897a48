"""Who is answered: by what a request says of itself, and by a small application behind the same door."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

from flows.serving.closed_server import closed
from flows.serving.own_pages import is_foreign

HOST = "127.0.0.1:4200"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "said", "foreign"),
    [
        ("POST", {}, False),  # no browser
        ("POST", {"origin": "http://127.0.0.1:4200"}, False),
        ("POST", {"origin": "https://127.0.0.1:4200"}, False),  # behind a proxy that speaks TLS
        ("POST", {"origin": "http://127.0.0.1:4201"}, True),  # another program of this machine
        ("POST", {"origin": "http://localhost:4200"}, True),
        ("POST", {"origin": "http://evil.example"}, True),
        ("GET", {"origin": "http://evil.example"}, True),
        ("POST", {"origin": "null"}, True),  # a sandboxed frame, or a file
        ("POST", {"origin": ""}, True),
        ("POST", {"origin": "http://["}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, True),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, True),
        ("GET", LINK, False),  # somebody follows a link to us
        ("POST", LINK, True),
        ("GET", {"sec-fetch-site": "none"}, False),  # typed in
        ("GET", {"sec-fetch-site": "same-origin"}, False),
    ],
)
def test_what_a_browser_says_of_the_page_that_asks(method: str, said: dict[str, str], foreign: bool) -> None:
    assert is_foreign(Headers({"host": HOST, **said}), method) is foreign


Door = Callable[..., httpx.Response]


@pytest.fixture
def application() -> ASGIApp:
    behind, pages = FastAPI(), FastAPI()

    @behind.post("/api/run")
    def run() -> str:
        return "done"

    @behind.websocket("/api/events")
    async def events(socket: WebSocket) -> None:
        await socket.accept()

    behind.mount("/", pages)
    return closed(behind, ["127.0.0.1", "localhost"])


@pytest.fixture
def door(application: ASGIApp) -> Door:
    def knock(method: str, path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=f"http://{HOST}") as client:
                return await client.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})

        return asyncio.run(ask())

    return knock


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:4200", "localhost.", "", "[::2]", "a b"])
def test_request_under_a_foreign_name_is_refused(door: Door, host: str) -> None:
    assert door("POST", "/api/run", host=host).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4200", "localhost:4200", "LOCALHOST"])
def test_request_under_our_names_is_answered_and_may_not_be_framed(door: Door, host: str) -> None:
    answer = door("POST", "/api/run", host=host)
    assert answer.json() == "done"
    assert answer.headers["x-frame-options"] == "DENY"


def test_page_of_another_origin_is_refused(door: Door) -> None:
    assert door("POST", "/api/run", origin="http://evil.example", content_type="text/plain").status_code == 403
    assert door("POST", "/api/run", origin=f"http://{HOST}").status_code == 200


@pytest.mark.parametrize(("origin", "first"), [("http://evil.example", "websocket.close"), (f"http://{HOST}", "websocket.accept")])
def test_socket_of_another_origin_is_refused(application: ASGIApp, origin: str, first: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", HOST.encode()), (b"origin", origin.encode())]
    scope = {"type": "websocket", "path": "/api/events", "raw_path": b"/api/events", "headers": headers, "query_string": b""}
    asyncio.run(application({**scope, "root_path": "", "subprotocols": []}, receive, send))
    assert sent[0]["type"] == first


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_pages_that_load_scripts_from_elsewhere_are_gone(door: Door, path: str) -> None:
    assert door("GET", path).status_code == 404


def test_sign_in_page_runs_its_own_script_only(door: Door) -> None:
    answer = door("GET", "/sign-in")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
