"""What the campaigns kill, and have fail: each phase of what changes a home, by its name."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from storage.home import Home
from storage.restore import restore
from storage.warehouse import Limits, turn


def put_back(home: Home) -> str:
    with turn(home):
        return str(restore(home, Limits(), datetime.now(UTC)).backup.number)


JOBS: dict[str, Callable[..., Any]] = {"restore": put_back}
