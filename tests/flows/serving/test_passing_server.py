"""The server in the process of a run: what it has to say is kept, and one that does not start is told in one line."""

import logging
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from flows.serving import closed_server
from flows.serving.passing_server import serving
from flows.serving.prefect_server import LOOPBACK, listen
from storage.errors import GovpulseError


async def answering(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    logging.getLogger("prefect.server").warning("somebody asked")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


async def failing(scope, receive, send) -> None:
    raise OSError("no such database")


@pytest.fixture
def serves(monkeypatch: pytest.MonkeyPatch):
    """Let another application stand for Prefect's."""

    def use(app) -> None:
        monkeypatch.setattr(
            closed_server, "make_server", lambda _, **options: uvicorn.Server(uvicorn.Config(app, log_level="warning", **options))
        )

    return use


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listen(LOOPBACK, 0) as found:
        yield found


def test_it_answers_inside_the_block_and_logs_into_its_file(serves, listening, tmp_path: Path) -> None:
    serves(answering)
    url, log = f"http://{LOOPBACK}:{listening.getsockname()[1]}", tmp_path / "server.log"
    with serving(listening, [LOOPBACK], log), urllib.request.urlopen(url) as answer:
        assert answer.read() == b"here"
    assert "somebody asked" in log.read_text()
    with pytest.raises(OSError):  # noqa: PT011 - of whatever kind: nobody listens
        urllib.request.urlopen(url, timeout=5)


def test_one_that_does_not_start_is_said_in_one_line(serves, listening, tmp_path: Path, capsys) -> None:
    serves(failing)
    log = tmp_path / "server.log"
    said = r"^the server ended before it was ready; .*server\.log$"
    with pytest.raises(GovpulseError, match=said), serving(listening, [LOOPBACK], log):
        pass
    assert "no such database" in capsys.readouterr().err
