"""A real HTTP receiver: it records what it gets and answers as it is told, in the test's process or in one of its own.

    with receiving(Answer(status=503, headers={"Retry-After": "7"}), Answer()) as receiver:
        ... receiver.url ... receiver.requests

`python -m tests.receiver PORT LOGFILE` prints its port (PORT may be 0), and appends one JSON line for each request before it
answers it. What it answers, each request's query says: `?status=503&retry_after=7&delay=1&ending=cut`.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Ending = Literal["whole", "unread", "cut", "half", "drip"]


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    Args:
        delay: how long the answer is held back after the request was recorded (s).
        ending: `whole`; the connection is closed with the request `unread` (and not recorded), after the request (`cut`), in the
            middle of the status line (`half`); `drip`: the answer never ends, a byte every tenth of a second.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    ending: Ending = "whole"


@dataclass(frozen=True)
class Received:
    """One request; its header names are in lower case."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def asked_for(received: Received) -> Answer:
    """The answer that the request's query asks for."""
    query = dict(parse_qsl(urlsplit(received.path).query))
    headers = {"Retry-After": query["retry_after"]} if "retry_after" in query else {}
    return Answer(int(query.get("status", "200")), headers, b"", float(query.get("delay", "0")), query.get("ending", "whole"))


class Handler(BaseHTTPRequestHandler):
    """One connection, which serves one request."""

    server: "Server"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the sender has hung up
            self.close_connection = True

    def _take(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = receiver.take(Received(time.time(), self.command, self.path, headers, body))
        receiver.closing.wait(answer.delay)
        self.close_connection = True
        getattr(self, f"_{answer.ending}")(answer)

    do_POST = do_GET = do_PUT = _take  # noqa: N815 - the names are http.server's

    def _whole(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def _half(self, answer: Answer) -> None:
        self.wfile.write(b"HTTP/1.1 2")

    def _cut(self, answer: Answer) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    _unread = _cut

    def _drip(self, answer: Answer) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.receiver.closing.wait(0.1):
            self.wfile.write(b"a")

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: "Receiver"


class Receiver:
    """Answers in the order of `answers`, one a request; when they are used up, as the request's query asks.

    Args:
        record: told of each request before it is answered.
        certificate: a file with a certificate and its key, for HTTPS.
    """

    def __init__(
        self,
        *answers: Answer,
        port: int = 0,
        record: Callable[[Received], None] | None = None,
        certificate: Path | None = None,
    ) -> None:
        self.answers = list(answers)
        self.requests: list[Received] = []
        self._record = record
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.receiver = self
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.01)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, received: Received) -> Answer:
        with self._lock:
            answer = self.answers.pop(0) if self.answers else asked_for(received)
            if answer.ending != "unread":
                self.requests.append(received)
                if self._record:
                    self._record(received)
        return answer


@contextmanager
def receiving(*answers: Answer, port: int = 0, certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver in a thread of this process, while the block lasts."""
    receiver = Receiver(*answers, port=port, certificate=certificate)
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.close()
        thread.join()


def log_to(path: Path) -> Callable[[Received], None]:
    """Appends each request to a file as a line of JSON, whole or not at all."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def record(received: Received) -> None:
        line = {**vars(received), "body": received.body.decode(errors="replace")}
        os.write(log, json.dumps(line).encode() + b"\n")

    return record


if __name__ == "__main__":
    receiver = Receiver(port=int(sys.argv[1]), record=log_to(Path(sys.argv[2])))
    print(receiver.port, flush=True)
    receiver.serve()
