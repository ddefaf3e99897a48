"""The pages of an installation, beside Prefect's: GET shows, POST acts.

Whoever is not signed in gets the page to sign in, the pages of signed links aside, which are their own authority.
"""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from flows.serving.own_pages import OwnPages
from flows.web import access, acts, board
from flows.web.desk import Desk
from flows.web.rendering import SEE_OTHER, TEMPLATES, page, said
from flows.web.signing_in import POLICY as SIGN_IN_POLICY
from flows.web.signing_in import SIGN_IN, check
from storage.errors import ConfigurationError, GovpulseError, first_line
from storage.lock import BusyError

LONGEST_FORM = 10_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser says of a form that it comes from nowhere, and we refuse what does.
    "Referrer-Policy": "same-origin",
}
Shown = Callable[[Request, Desk], Response]
Done = Callable[[Request, acts.Form, Desk], Response]
Answer = Callable[[Request], Awaitable[Response]]


def make_app(desk: Desk, hosts: Sequence[str]) -> ASGIApp:
    """The application, for requests under the names `hosts`, from its own pages or from no page at all."""
    routes = [
        Route("/", _to_the_board),
        Route("/health", _health),
        Route("/style.css", _style),
        Route(SIGN_IN, _shows(desk, lambda *_: sign_in_page(200), is_open=True), methods=["GET"]),
        Route(SIGN_IN, _does(desk, check, is_open=True), methods=["POST"]),
        Route("/alerts", _shows(desk, board.show_alerts)),
        Route("/alerts/{fingerprint}", _shows(desk, board.show_alert)),
        Route("/alerts/{fingerprint}/ack", _does(desk, acts.acknowledge_alert), methods=["POST"]),
        Route("/alerts/{fingerprint}/silence", _does(desk, acts.silence_alert), methods=["POST"]),
        Route("/plots/{file}", _shows(desk, board.show_plot)),
        Route("/silences", _shows(desk, board.show_silences)),
        Route("/silences/{silence_id}/end", _does(desk, acts.end), methods=["POST"]),
        Route("/act/{token}", _shows(desk, acts.show_permit, is_open=True), methods=["GET"]),
        Route("/act/{token}", _does(desk, acts.use_permit, is_open=True), methods=["POST"]),
    ]
    return TrustedHostMiddleware(OwnPages(Starlette(routes=routes), HEADERS), allowed_hosts=[*hosts], www_redirect=False)


def sign_in_page(status: int) -> Response:
    response = page("sign_in.html", status, is_signed_in=False)
    response.headers["Content-Security-Policy"] = SIGN_IN_POLICY
    return response


def _shows(desk: Desk, show: Shown, *, is_open: bool = False) -> Answer:
    async def answer(request: Request) -> Response:
        if not is_open and not access.is_let_in(request, desk.secret, desk.clock()):
            return sign_in_page(401)
        return await run_in_threadpool(_answered, lambda: show(request, desk))

    return answer


def _does(desk: Desk, do: Done, *, is_open: bool = False) -> Answer:
    async def answer(request: Request) -> Response:
        if not is_open and not access.is_let_in(request, desk.secret, desk.clock()):
            return sign_in_page(401)
        form = await _form(request)
        if form is None:
            return said("This form is too long.", 413)
        return await run_in_threadpool(_answered, lambda: do(request, form, desk))

    return answer


async def _form(request: Request) -> acts.Form | None:
    """What was posted; None if it is longer than any form of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return None
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _answered(answer: Callable[[], Response]) -> Response:
    """The answer, or what went wrong in one line."""
    try:
        return answer()
    except ConfigurationError as error:
        return said(first_line(error), 400)
    except BusyError:
        return said("The warehouse is busy, so nothing was done. Try again in a minute.", 503)
    except GovpulseError as error:
        return said(first_line(error), 500)


async def _to_the_board(_: Request) -> Response:
    return RedirectResponse("/alerts", SEE_OTHER)


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _style(_: Request) -> Response:
    return FileResponse(TEMPLATES / "style.css", media_type="text/css")
