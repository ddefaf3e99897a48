"""Processes that are killed, or whose disk fails, at a call that changes a file: by its number, so that each is as likely as any.

One process has imported everything and does nothing; for each job it forks one that does it. What fails a call lies between the job
and the C library (`faults.c`), so that it meets DuckDB, Polars and the stores as it meets Python. Without a C compiler it lies
between the job and Python's `os`.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from storage.home import Home
from storage.room import error_of_disk

SOURCE = Path(__file__).with_name("faults.c")
WRITES, SYNCS, NAMES, GROWS, SHRINKS = 1, 2, 4, 8, 16
ALL = WRITES | SYNCS | NAMES | GROWS | SHRINKS
"""Kinds of calls: those that write, flush, give names, make files or folders, and take them away."""
LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        is_killed: by us.
        answer: what it returned.
        error: the exception that ended it, as `Type: text`.
        calls: how many calls were counted.
    """

    is_killed: bool = False
    answer: Any = None
    error: str = ""
    calls: int = 0


class Workers:
    """The process that forks; `close` ends it.

    Args:
        is_compiled: faults meet whatever calls the C library, and not only Python.
    """

    def __init__(self, *, is_compiled: bool = True) -> None:
        self._folder = TemporaryDirectory()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        if is_compiled:
            library = str(_compiled(Path(self._folder.name)))
            environment |= {"LD_PRELOAD": library, "FAULTS": library}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.processes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def run(
        self, job: str, home: Home, *arguments: Any, kill_at: int = 0, fail_at: int = 0, error: int = 0, lasts: bool = False,
        kinds: int = ALL, below: Path | None = None,
    ) -> Ended:  # fmt: skip
        """Do a job of `tests.campaigns.jobs`, and have its N-th call kill it or fail with `error`; neither, where both are 0.

        Args:
            lasts: the disk is full from then on.
            kinds: which calls count.
            below: count those that change files below this folder; by default that of the home.
        """
        fault = [str(below or home.root), kill_at or fail_at, 0 if kill_at else error, int(lasts), kinds]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([job, str(home.root), arguments, fault]) + "\n")
        self._process.stdin.flush()
        ended = Ended(**json.loads(self._process.stdout.readline()))
        assert not ended.error.startswith("hung"), f"{job} did not end: {fault}"
        return ended

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def _compiled(folder: Path) -> Path:
    library = folder / "faults.so"
    command = ["gcc", "-O1", "-shared", "-fPIC", "-D_LARGEFILE64_SOURCE", "-o", str(library), str(SOURCE), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError as error:
        raise AssertionError(f"faults cannot be tried here, they need a C compiler: {error}") from error
    return library


CALLS = {"write": WRITES, "pwrite": WRITES, "fsync": SYNCS, "fdatasync": SYNCS, "replace": NAMES, "rename": NAMES, "link": NAMES}
CALLS |= {"mkdir": GROWS, "unlink": SHRINKS, "rmdir": SHRINKS, "ftruncate": SHRINKS}


class PythonFaults:
    """The same as `faults.c`, of what Python calls, wherever that is. A disk that stays full is one that is full once."""

    def __init__(self) -> None:
        self._at = self._seen = self._error = self._kinds = 0
        for name, kind in CALLS.items():
            setattr(os, name, self._failing(getattr(os, name), kind))

    def _failing(self, call: Callable[..., Any], kind: int) -> Callable[..., Any]:
        def failing(*arguments: Any, **options: Any) -> Any:
            self._seen += bool(self._kinds & kind)
            if self._kinds & kind and self._seen == self._at:
                if not self._error:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(self._error, os.strerror(self._error))
            return call(*arguments, **options)

        return failing

    def faults_arm(self, _: bytes, at: Any, error: int, __: int, kinds: int) -> None:
        self._at, self._seen, self._error, self._kinds = at.value, 0, error, kinds

    def faults_disarm(self) -> int:
        self._kinds = 0
        return self._seen


def _serve() -> None:
    """Fork for each line that comes in, and say how it ended."""
    jobs = import_module("tests.campaigns.jobs").JOBS
    answers, library = os.dup(1), os.environ.get("FAULTS")
    faults: Any = ctypes.CDLL(library) if library else PythonFaults()
    if library:
        faults.faults_disarm.restype = ctypes.c_long
    os.dup2(2, 1)
    for line in sys.stdin:
        name, root, arguments, fault = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            signal.alarm(LONGEST_SECONDS)
            _do(jobs[name], Home(Path(root)), arguments, faults, fault, writer)
        os.close(writer)
        with os.fdopen(reader) as said:
            answer = said.read()
        status = os.waitpid(child, 0)[1]
        os.write(answers, (answer or json.dumps(_of_dead(status))).encode() + b"\n")


def _of_dead(status: int) -> dict[str, Any]:
    is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"is_killed": is_killed, "error": "" if is_killed else f"hung or crashed, {status}"}


def _do(job: Callable[..., Any], home: Home, arguments: list[Any], faults: Any, fault: list[Any], writer: int) -> None:
    """In the child, which ends here."""
    below, at, error, lasts, kinds = fault
    said: dict[str, Any] = {}
    try:
        faults.faults_arm(below.encode(), ctypes.c_long(at), error, lasts, kinds)
        said = {"answer": job(home, *arguments)}
    except BaseException as problem:  # noqa: BLE001 - whoever asked is told
        told = error_of_disk(problem, home.root) if isinstance(problem, Exception) else problem
        said = {"error": f"{type(told).__name__}: {told}"}
    said["calls"] = faults.faults_disarm()
    os.write(writer, json.dumps(said).encode())
    os._exit(0)


if __name__ == "__main__":
    _serve()
