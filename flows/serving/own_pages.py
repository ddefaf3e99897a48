"""What our servers refuse whatever is behind them: requests that a page of another origin makes."""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose


class OwnPages:
    """ASGI middleware: what a browser says comes from a page of another origin is refused.

    Args:
        headers: put on every answer that has none of that name.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        if is_foreign(Headers(scope=scope), scope.get("method", "GET")):
            return await _refuse(scope, receive, send)

        async def send_closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in self.headers.items():
                    headers.setdefault(name, text)
            await send(message)

        return await self.app(scope, receive, send_closed)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await WebSocketClose(code=1008)(scope, receive, send)
    return await PlainTextResponse("not from a page of another origin", status_code=403)(scope, receive, send)


def is_foreign(headers: Headers, method: str) -> bool:
    """Whether a page of another origin asks. Whoever is no browser says nothing of this, and has to know the secret."""
    origin = headers.get("origin")
    if origin is not None and origin.rpartition("://")[2].lower() != headers.get("host", "").lower():
        return True
    is_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link
