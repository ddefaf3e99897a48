"""What is posted: an ack, a silence, the end of one; by who is signed in, or by a signed link of a message.

A link shows what it would do, and does it when its button is pressed: scanners of mail follow links, and press nothing.
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.web.board import LENGTHS
from flows.web.desk import Desk, acting, looking
from flows.web.rendering import SEE_OTHER, page, said
from storage.errors import ConfigurationError
from storage.installation import has_own_warehouse
from tasks.acts import Acted, By, acknowledge, silence_one
from tasks.alerts.stored_alerts import the_alert
from tasks.notifications.links import Act, read_permit
from tasks.silences import end_silence
from tasks.wording import parse_duration

LONGEST_TEXT = 500
LONGEST_NAME = 100
Form = dict[str, str]


def acknowledge_alert(request: Request, form: Form, desk: Desk) -> Response:
    return _done_on_page(request, form, desk, "ack")


def silence_alert(request: Request, form: Form, desk: Desk) -> Response:
    return _done_on_page(request, form, desk, "silence")


def _done_on_page(request: Request, form: Form, desk: Desk, act: Act) -> Response:
    fingerprint = request.path_params["fingerprint"]
    _do(desk, act, fingerprint, None, form, _by(form, "somebody signed in"), desk.clock())
    return RedirectResponse(f"/alerts/{fingerprint}", SEE_OTHER)


def end(request: Request, form: Form, desk: Desk) -> Response:
    """End a silence, or withdraw an ack."""
    author = _by(form | {"reason": "ended"}, "somebody signed in").author
    with acting(desk) as con:
        end_silence(con, request.path_params["silence_id"], author, desk.clock(), author)
    return RedirectResponse("/silences", SEE_OTHER)


def show_permit(request: Request, desk: Desk) -> Response:
    """What a signed link would do, with a button."""
    token, now = request.path_params["token"], desk.clock()
    permit = read_permit(token, desk.key, now)
    if not has_own_warehouse(desk.home):
        raise ConfigurationError("this alert is not known here any more")
    with looking(desk) as (con, _):
        alert = the_alert(con, permit.fingerprint)
    return page("permit.html", alert=alert, permit=permit, token=token, lengths=LENGTHS, is_signed_in=False)


def use_permit(request: Request, form: Form, desk: Desk) -> Response:
    """Do what a signed link allows."""
    now = desk.clock()
    permit = read_permit(request.path_params["token"], desk.key, now)
    by = _by(form, "somebody with the message", permit.mark)
    done = _do(desk, permit.act, permit.fingerprint, permit.episode, form, by, now)
    about = f"{done.alert['rule']} of {done.alert['subject']}"
    if not done.is_new:
        return said(f"{done.made.author} has acknowledged {about} before you: {done.made.reason}", 200, is_signed_in=False)
    until = f" until {done.made.expires_at:%Y-%m-%d %H:%M} UTC" if done.made.expires_at else ""
    words = "acknowledged" if permit.act == "ack" else "silenced"
    return said(f"Done: {about} is {words}{until}.", 200, is_signed_in=False)


def _do(desk: Desk, act: Act, fingerprint: str, episode: int | None, form: Form, by: By, now: datetime) -> Acted:
    length = parse_duration(form.get("for", "")) if form.get("for") in LENGTHS else None
    if act == "silence" and not length:
        raise ConfigurationError(f"say for how long: {', '.join(LENGTHS)}")
    if not has_own_warehouse(desk.home):
        raise ConfigurationError("there is no alert here")
    with acting(desk) as con:
        if act == "silence" and length:
            return silence_one(con, fingerprint, length, by, now, episode)
        return acknowledge(con, fingerprint, by, now, episode)


def _by(form: Form, nobody: str, permit: str | None = None) -> By:
    author = form.get("author", "").strip()[:LONGEST_NAME] or nobody
    reason = form.get("reason", "").strip()[:LONGEST_TEXT] or "no reason given"
    return By(author, reason, permit=permit)
