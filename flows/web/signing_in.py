"""Signing in with the secret: by the link that `up` prints, or typed."""

import base64
import hashlib

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.web import access
from flows.web.desk import Desk
from flows.web.rendering import SEE_OTHER, TEMPLATES, said

SIGN_IN = "/sign-in"
# The part of a link behind # goes to no server and no log: the page puts it into its form, and sends that.
_SCRIPT = hashlib.sha256((TEMPLATES / "sign_in.js").read_bytes()).digest()
POLICY = (
    f"default-src 'none'; style-src 'self'; img-src data:; script-src 'sha256-{base64.b64encode(_SCRIPT).decode()}';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def check(_: Request, form: dict[str, str], desk: Desk) -> Response:
    """Sign in who knows the secret."""
    if not access.is_secret(form.get("secret", "").strip(), desk.secret):
        return said("This is not the secret of this installation.", 403, is_signed_in=False)
    response = RedirectResponse("/alerts", SEE_OTHER)
    access.sign_in(response, desk.secret, desk.clock(), is_encrypted=desk.is_encrypted)
    return response
