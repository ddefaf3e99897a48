"""Keeps what libraries log while they send out of the log: httpx, urllib3 and Apprise write whole URLs there, tokens and all."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_RECORDS: ContextVar[list[logging.LogRecord] | None] = ContextVar("records", default=None)


class _Withholding(logging.Filter):
    """Diverts the records of a thread that is sending; those of other threads pass as if the logger's level were the usual one."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._usual, self._parent = logger.level, logger.parent

    def filter(self, record: logging.LogRecord) -> bool:
        records = _RECORDS.get()
        if records is not None:
            records.append(record)
            return False
        return record.levelno >= (self._usual or (self._parent.getEffectiveLevel() if self._parent else logging.WARNING))


# Once, and for good: a filter that came and went with each send would race with the other threads' records.
for _logger in map(logging.getLogger, ("apprise", "httpx", "urllib3.connectionpool")):
    _logger.addFilter(_Withholding(_logger))
    _logger.setLevel(logging.DEBUG)  # Apprise says only there why a connection failed


@contextmanager
def withheld() -> Iterator[list[logging.LogRecord]]:
    """While the block lasts, what this thread's HTTP clients and Apprise log comes into the list, and nowhere else."""
    records: list[logging.LogRecord] = []
    token = _RECORDS.set(records)
    try:
        yield records
    finally:
        _RECORDS.reset(token)
