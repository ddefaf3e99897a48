"""Whatever takes HTTP: a template of the operator's says what is posted.

The template sees the keys of the webhook's JSON, and runs in a sandbox: it comes from a file that the operator wrote, but names in
it come from anywhere.
"""

from datetime import datetime

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.message import Message
from tasks.notifications.channels import Channel
from tasks.notifications.exchange import exchange
from tasks.notifications.outcomes import Outcome
from tasks.notifications.senders.webhook import payload


def send(channel: Channel, message: Message, notification_id: str, now: datetime) -> Outcome:
    """Post what the template makes of the message."""
    url = channel.url.get_secret_value()
    try:
        text = _environment().from_string(channel.template).render(payload(message, notification_id))
    except Exception as error:  # noqa: BLE001 - a template may raise whatever its expressions do
        return Outcome(is_delivered=False, problem=f"its template: {type(error).__name__}: {error}", is_channel_wide=False)
    headers = {"Content-Type": channel.content_type}
    return exchange("POST", url, headers, text.encode(errors="replace"), secrets=(url,), now=now)


def mistake_in_template(text: str) -> str | None:
    """Why it is no template."""
    try:
        _environment().from_string(text)
    except TemplateError as error:
        return str(error)
    return None


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
