"""One child of the supervisor: a command under a guard (process_guard.py), with a log file and a session of its own.

The session keeps the terminal's Ctrl-C away from it, so that the supervisor decides in which order things end.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("process_guard.py")
# The guard gives three seconds to the child and three to what the child left behind.
STOP_SECONDS = 30.0
FOR_US_ALONE = 0o077
"""What a child makes, its databases and logs, nobody else reads."""


@dataclass
class GuardedProcess:
    """What to run and where; `start` and `stop` may be called again and again. `sockets`: descriptors that it inherits."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    sockets: tuple[int, ...] = ()
    deaths: list[float] = field(default_factory=list)
    guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command so that it, and all below it, ends when this process ends, even by `kill -9`."""
        with self.log.open("ab") as log:
            self.guard = subprocess.Popen(  # noqa: S603 - our command
                [sys.executable, "-I", str(GUARD), str(os.getpid()), *self.command],
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self.sockets,
                umask=FOR_US_ALONE,
            )

    @property
    def is_running(self) -> bool:
        return self.guard is not None and self.guard.poll() is None

    def exit_code(self) -> int | None:
        """The code it ended with; None while it runs, or before it was started."""
        return None if self.guard is None else self.guard.poll()

    def stop(self) -> None:
        """End it and all below it; return when that is done."""
        if self.guard is None:
            return
        self.guard.terminate()
        try:
            self.guard.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.guard.kill()
            self.guard.wait()

    def recent_deaths(self, window_seconds: float) -> int:
        """Record that it died just now; return how often it did within the window."""
        now = time.monotonic()
        self.deaths = [death for death in self.deaths if now - death < window_seconds] + [now]
        return len(self.deaths)


def last_lines(log: Path, count: int) -> str:
    """The end of a log, for whoever must find out why a process failed."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
