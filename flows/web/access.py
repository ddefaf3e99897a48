"""Who may look and act: who knows the secret of the API, by HTTP's Basic or by the cookie that signing in with it gives.

A cookie says until when it holds, and is signed with the secret: with another secret nobody is signed in any more.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "govpulse"
LASTS = timedelta(days=30)
MEANING = b"govpulse session 1 "
LONGEST = 1_000


def is_let_in(request: Request, secret: str, now: datetime) -> bool:
    """Whether who asks knows the secret, or has signed in with it."""
    return _by_basic(request.headers.get("authorization", ""), secret) or _by_cookie(request.cookies.get(COOKIE, ""), secret, now)


def is_secret(given: str, secret: str) -> bool:
    """Whether this is the secret, in a time that tells nothing of it."""
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


def sign_in(response: Response, secret: str, now: datetime, *, is_encrypted: bool) -> None:
    """Give who asked the cookie. Links from elsewhere find them signed in; what pages elsewhere post does not."""
    until = str(int((now + LASTS).timestamp()))
    response.set_cookie(
        COOKIE,
        f"{until}.{_signature(until, secret)}",
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_encrypted,
    )


def sign_out(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def _by_basic(header: str, secret: str) -> bool:
    scheme, _, encoded = header[:LONGEST].partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        return is_secret(base64.b64decode(encoded, validate=True).decode(), secret)
    except (binascii.Error, ValueError):
        return False


def _by_cookie(cookie: str, secret: str, now: datetime) -> bool:
    until, _, signature = cookie[:LONGEST].partition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(until, secret).encode()):
        return False
    return now < datetime.fromtimestamp(int(until), UTC)


def _signature(until: str, secret: str) -> str:
    return hmac.new(secret.encode(), MEANING + until.encode(errors="replace"), hashlib.sha256).hexdigest()
