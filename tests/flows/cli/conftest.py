"""The command line in this process: exit code, standard output and standard error of `govpulse ...`."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.cli.app import main


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int | str | None
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """An empty installation, with nothing of the machine's own settings; environment and log handlers are put back."""
    environment, loggers = dict(os.environ), [logging.getLogger(name) for name in ("flows", "tasks", "storage")]
    handlers = [list(logger.handlers) for logger in loggers]
    for name in [name for name in os.environ if name.upper().startswith("GOVPULSE_")]:
        del os.environ[name]
    os.environ["GOVPULSE_HOME"] = str(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "data"
    os.environ.clear()
    os.environ.update(environment)
    for logger, kept in zip(loggers, handlers, strict=True):
        logger.handlers[:] = kept


@pytest.fixture
def govpulse(home: Path, monkeypatch, capsys) -> Callable[..., Outcome]:
    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["govpulse", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        printed = capsys.readouterr()
        return Outcome(exited.value.code or 0, printed.out, printed.err)

    return run


@pytest.fixture
def fails(govpulse) -> Callable[..., str]:
    """Run a command that must fail with `code`; returns its one line on standard error."""

    def run(code: int, *arguments: str) -> str:
        outcome = govpulse(*arguments)
        assert outcome.code == code, outcome
        assert outcome.out == ""
        assert outcome.err.startswith("govpulse: ")
        assert outcome.err.count("\n") == 1, outcome.err
        assert "defect" not in outcome.err
        return outcome.err

    return run
