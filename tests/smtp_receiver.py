"""A real SMTP receiver: it keeps the messages that it is sent, or refuses them as it is told."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class SmtpReceiver:
    """Answers each message with `answer`; who logs in is let in with `password` only."""

    def __init__(self, answer: str = "250 OK", password: str = "") -> None:
        self.answer, self.password = answer, password
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.received.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return self.answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        return AuthResult(success=getattr(data, "password", b"").decode() == self.password, handled=False)


@contextmanager
def receiving_mail(answer: str = "250 OK", password: str = "") -> Iterator[SmtpReceiver]:
    """An SMTP receiver in a thread of this process, while the block lasts."""
    receiver = SmtpReceiver(answer, password)
    with socket.create_server(("127.0.0.1", 0)) as free:
        receiver.port = free.getsockname()[1]
    controller = Controller(
        receiver,
        "127.0.0.1",
        receiver.port,
        authenticator=receiver.authenticate if password else None,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()
