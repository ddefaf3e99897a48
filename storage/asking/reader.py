"""Asks people's SQL in a process of its own, which can be ended whatever it is doing, and has so much memory and no more.

DuckDB interrupts a query between two batches of rows only, and does not count the texts that a function makes: one `levenshtein` of
two long texts takes hours, one `repeat` gigabytes.
"""

import atexit
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from storage.asking.answers import Answer, Form, as_answer
from storage.asking.permission import TookTooLongError, reading
from storage.asking.reading_process import COLUMNS, REFUSED, ROWS, TOO_LONG, Question
from storage.errors import GovpulseError
from storage.frames import fetch
from storage.limits import Limits

Ask = Callable[[str, Mapping[str, Any], float], pl.DataFrame]
"""Rows of a SELECT with named bind parameters, in at most so many seconds; a GovpulseError says why there are none."""

GRACE_SECONDS = 2.0
"""For a query that listens to end by itself."""
STARTED_WITHIN_SECONDS = 60.0
KEPT_VARIABLES = ("LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME")
"""The rest of the environment, which may hold secrets, is not for it."""


Process = tuple[subprocess.Popen[bytes], Connection]
_idle: dict[str, Process] = {}
"""By the memory that it may have a process that waits for the next block: to start one takes half a second. It ends with us."""


class Reader:
    """A process that reads a DuckDB file inside the block; it is started anew where it had to be killed."""

    def __init__(self, limits: Limits, spill: Path | None = None) -> None:
        self._limits, self._spill = limits, spill
        self._file: tuple[Path, str, str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> "Reader":
        self._process, self._pipe = _idle.pop(self._limits.memory, (None, None))
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and self._process is not None and self._pipe is not None and self._limits.memory not in _idle:
            _idle[self._limits.memory] = self._process, self._pipe
            self._process = self._pipe = None
        self._kill()

    @contextmanager
    def reading(self, path: Path, alias: str, remedy: str) -> Iterator[None]:
        """Questions inside the block are about the file `path`; nobody may be writing it. Outside of it, the file is let go of.

        Args:
            remedy: what to do where the file is damaged.
        """
        self._file = (path, alias, remedy)
        try:
            yield
        finally:
            self._file = None
            self._let_go()

    def ask(self, sql: str, parameters: Mapping[str, Any], seconds: float) -> pl.DataFrame:
        """Rows of one SELECT on the file.

        Raises:
            TookTooLongError: it was ended.
            GovpulseError: it is refused, fails, or wants too much memory.
        """
        return pl.DataFrame(self._table(sql, parameters, seconds))

    def answer(self, sql: str, seconds: float, form: Form) -> Answer:
        """The same for somebody who may ask anything. Raises what `ask` raises."""
        table = self._table(sql, {}, seconds, form)
        names, kinds = json.loads(table.schema.metadata[COLUMNS.encode()])
        return as_answer(pl.DataFrame(table), names, kinds, form)

    def _table(self, sql: str, parameters: Mapping[str, Any], seconds: float, form: Form | None = None) -> pa.Table:
        if self._file is None:
            raise RuntimeError("no file to read")
        pipe = self._pipe or self._start()
        path, alias, remedy = self._file
        question = Question(path, alias, self._limits, sql, parameters, seconds, self._spill, remedy, form)
        try:
            if not self._is_told(question, STARTED_WITHIN_SECONDS):
                raise GovpulseError("the reading process does not start; is the machine out of memory?")
            if not pipe.poll(min(seconds + GRACE_SECONDS, 1e6)):
                raise TookTooLongError(f"took longer than {seconds:g} s")
            answer = pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise GovpulseError(self._why_it_ended()) from error
        except BaseException:
            self._kill()
            raise
        if answer[:1] not in (ROWS, REFUSED):
            self._kill()
        return _rows(answer)

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        with theirs, _starting():
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it is from outside
                [sys.executable, "-c", f"from storage.asking.reading_process import main; main({theirs.fileno()})"],
                pass_fds=[theirs.fileno()],
                env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"PYTHONPATH": _import_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._pipe = ours
        return ours

    def _let_go(self) -> None:
        """Have the file closed; by a process that does not answer, by its end."""
        is_closed = False
        with suppress(EOFError, OSError):
            is_closed = self._is_told(None, STARTED_WITHIN_SECONDS)
        if not is_closed:
            self._kill()

    def _is_told(self, question: Question | None, seconds: float) -> bool:
        """Hand the question over; whether it has been taken up in time."""
        if self._pipe is None:
            return False
        self._pipe.send_bytes(pickle.dumps(question))
        return self._pipe.poll(seconds) and self._pipe.recv_bytes() == b""

    def _why_it_ended(self) -> str:
        code = self._process.wait() if self._process else 0
        self._kill()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"ended without an answer ({how}); it needs more memory than [warehouse] memory allows, or DuckDB crashed"

    def _kill(self) -> None:
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.wait()
        self._process = self._pipe = None


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GovpulseError(f"cannot start the reading process: {error.strerror or error}") from error


@atexit.register
def _end_idle() -> None:
    for process, pipe in _idle.values():
        pipe.close()
        process.kill()
        process.wait()
    _idle.clear()


def asking_on(con: duckdb.DuckDBPyConnection) -> Ask:
    """What asks on `con`, which is locked down with the first question. Nothing bounds what the SQL may take of this process, and
    not everything can be interrupted: `Reader` asks in a process of its own."""

    def ask(sql: str, parameters: Mapping[str, Any], seconds: float) -> pl.DataFrame:
        with reading(con, seconds):
            return fetch(con, sql, parameters)

    return ask


def _import_path() -> str:
    return os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)


def _rows(answer: bytes) -> pa.Table:
    kind, rest = answer[:1], memoryview(answer)[1:]
    if kind == ROWS:
        return pa.ipc.open_stream(rest).read_all()
    said = bytes(rest).decode()
    raise TookTooLongError(said) if kind == TOO_LONG else GovpulseError(said)
