"""The console: one line on standard error, and a closed one is an outcome."""

import io
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.notifications.channels import Channel
from tasks.notifications.outcomes import DELIVERED
from tasks.notifications.senders import SENDERS, send
from tests.messages import MESSAGE, NASTY, NOW, message


def test_one_line_on_standard_error_and_none_on_standard_output(capsys) -> None:
    assert send(Channel("console"), message(statement=NASTY), "n1", NOW) == DELIVERED
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "\x1b" not in printed.err


def test_a_pipe_that_nobody_reads_is_an_outcome(monkeypatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", Broken())
    outcome = send(Channel("console"), MESSAGE, "n1", NOW)
    assert not outcome.is_delivered
    assert "Broken pipe" in outcome.problem
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert "closed" in send(Channel("console"), MESSAGE, "n1", NOW).problem


def test_every_kind_of_channel_has_its_sender() -> None:
    from typing import get_args

    from tasks.notifications.channels import Kind

    assert set(SENDERS) == set(get_args(Kind))


def test_within_up_lines_go_to_its_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "console.log"
    file.touch()
    up = Channel("console", url=SecretStr(str(file)))
    assert send(up, message(statement=NASTY), "n1", NOW) == DELIVERED
    assert send(up, MESSAGE, "n2", NOW) == DELIVERED
    first, second = file.read_text().splitlines()
    assert "Bcc:" in first
    assert MESSAGE.statement in second
    assert capsys.readouterr().err == ""
    file.unlink()
    assert "the terminal of `up`" in (send(up, MESSAGE, "n3", NOW).problem or "")
