"""The flows as they are, in this process, by a clock of ours and without Prefect: an hour of theirs takes no hour, and what a run
costs is ours alone."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from unittest.mock import patch

from prefect.logging import disable_run_logger
from prefect.tasks import Task

import tasks.insights.registry
import tasks.plots.gallery
import tasks.sources.sample.database  # noqa: F401 - what flows load as they run is to be replaced, too
from flows import alerts, forgetting, insights, maintenance, reconciliation, sources  # noqa: F401 - what is to be replaced in them

OURS = ("flows", "tasks", "storage")
LEFT_OUT = ("create_markdown_artifact", "create_table_artifact", "emit_event")
"""What goes to Prefect's server and nowhere else."""


class Clock:
    """Stands at an instant when it is put there, and goes on from it as fast as time does."""

    def __init__(self, start: datetime) -> None:
        self.put(start)

    def put(self, instant: datetime) -> None:
        self._instant, self._since = instant, time.monotonic()

    def now(self) -> datetime:
        return self._instant + timedelta(seconds=time.monotonic() - self._since)


class _Told(type):
    """Everything of `datetime` but what the time is."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)

    def __getattr__(cls, name: str) -> Any:
        return getattr(datetime, name)


def told_by(clock: Clock) -> type:
    """`datetime`, whose `now` is what the clock says."""

    class Told(metaclass=_Told):
        def __new__(cls, *arguments: Any, **options: Any) -> Any:
            return datetime(*arguments, **options)  # noqa: DTZ001 - the caller's

        @staticmethod
        def now(zone: Any = None) -> datetime:
            return clock.now().astimezone(zone)

    return Told


class Plain:
    """A task's function in the task's place."""

    def __init__(self, task: Task[Any, Any], pool: ThreadPoolExecutor) -> None:
        self.fn, self.pool = task.fn, pool

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.fn(*arguments, **options)

    def with_options(self, **_: Any) -> "Plain":
        return self

    def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
        return self.pool.submit(self.fn, *arguments, **options)


def _modules() -> Iterator[ModuleType]:
    return (module for name, module in [*sys.modules.items()] if name.split(".")[0] in OURS)


def _replacements(clock: Clock, pool: ThreadPoolExecutor) -> Iterator[tuple[ModuleType, str, Any]]:
    told = told_by(clock)
    nothing: Callable[..., None] = lambda *_, **__: None  # noqa: E731
    for module in _modules():
        for name, value in vars(module).items():
            if value is datetime:
                yield module, name, told
            elif isinstance(value, Task):
                yield module, name, Plain(value, pool)
            elif name in LEFT_OUT:
                yield module, name, nothing
    yield alerts, "PATIENCE", timedelta()  # it would be waited for in earnest


@contextmanager
def without_prefect(clock: Clock) -> Iterator[None]:
    """Inside the block tasks are plain functions, the time is what the clock says, and nothing is told to Prefect."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        stack.enter_context(disable_run_logger())
        for module, name, value in list(_replacements(clock, pool)):
            stack.enter_context(patch.object(module, name, value))
        yield
