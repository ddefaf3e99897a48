"""Run one command so that everything it starts ends with whoever asked for it.

Prefect gives each flow run a session of its own, so no signal to a process group reaches it, and `kill -9` of a worker
leaves its runs behind. The guard stands between the supervisor and one child: as subreaper it inherits every orphan below it,
and the kernel tells it when the supervisor dies, however it died. Linux only: elsewhere Ctrl-C and SIGTERM still end the tree,
but a supervisor killed with -9 leaves it running. Run as a script, by path; it reads and writes nothing.
"""

import ctypes
import os
import signal
import subprocess
import sys
from functools import partial
from types import FrameType

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0
KILL_SECONDS = 2.0


def main(arguments: list[str]) -> int:
    """Run `arguments[1:]` until it ends, SIGTERM comes, or the parent (its pid is `arguments[0]`) dies; return its exit code."""
    signal.signal(signal.SIGTERM, _leave)
    # A shell's `&` hands down SIGINT as ignored, and a Prefect worker that ignores SIGINT cannot be stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _ask_kernel(PR_SET_CHILD_SUBREAPER, 1)
    _ask_kernel(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(arguments[0]):
        return 1  # the parent died before the kernel knew that we want to hear of it
    die_with_guard = partial(die_with_parent, os.getpid())
    # What the guard was to inherit, such as a listening socket, was meant for the child.
    child = subprocess.Popen(arguments[1:], preexec_fn=die_with_guard, close_fds=False)  # noqa: S603 - our command
    try:
        return _reap_until(child.pid)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants(GRACE_SECONDS)


def _leave(signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies: at once, for a parent that can still say goodbye ends it first."""
    _ask_kernel(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before the kernel knew


def _ask_kernel(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _reap_until(pid: int) -> int:
    """Wait for `pid`, and clear away the orphans that end before it."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code  # as a shell tells of a signal


def end_descendants(grace_seconds: float) -> None:
    """End all processes below this one: direct children first, so that a worker can report its runs; then what is left."""
    _end(psutil.Process().children(), grace_seconds)
    _end(_descendants(), grace_seconds)
    while left := _descendants():
        _end(left, 0.0)


def _descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _end(processes: list[psutil.Process], grace_seconds: float) -> None:
    for process in processes:
        if grace_seconds:
            _send(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in stubborn:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=KILL_SECONDS)


def _send(process: psutil.Process, signum: int) -> None:
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
