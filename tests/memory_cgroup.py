"""So much memory for some processes and all below them, as a small machine or a container has it: a cgroup of the kernel's. Needs
root and a memory controller, of v1 or v2, in which groups can be made."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
GONE_WITHIN_SECONDS = 30.0


class CannotLimitError(AssertionError):
    """The test could not be made, which is a failure and no reason to leave it out: a limit of addresses (RLIMIT_AS) is of each
    process for itself, and counts what is mapped and not what is used."""


@dataclass(frozen=True)
class Group:
    """A cgroup with a limit."""

    folder: Path

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, which enters the group before it begins."""
        return ["sh", "-c", ENTER, str(self.folder), *command]

    def killed(self) -> int:
        """How many processes the kernel killed for want of memory."""
        file = self.folder / ("memory.oom_control" if self._is_v1 else "memory.events")
        found = dict(line.split() for line in file.read_text().splitlines())
        return int(found.get("oom_kill", 0))

    def unreclaimable_mb(self) -> float:
        """What its processes hold and cannot be taken from them: without files that can be read again."""
        found = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        names = ("total_rss",) if self._is_v1 else ("anon", "kernel_stack", "slab_unreclaimable")
        return sum(int(found.get(name, 0)) for name in names) / 1e6

    def processes(self) -> list[int]:
        """The ids of those in it."""
        return [int(line) for line in (self.folder / "cgroup.procs").read_text().split()]

    @property
    def _is_v1(self) -> bool:
        return self.folder.parent == V1


@contextmanager
def limited_memory(size: int) -> Iterator[Group]:
    """A group of so many bytes, and no swap; what is left in it at the end of the block is killed.

    Raises:
        CannotLimitError: no group can be made here.
    """
    parent = V1 if (V1 / "cgroup.procs").exists() else V2
    group = Group(parent / f"govpulse-test-{os.getpid()}-{time.monotonic_ns()}")
    limits = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes") if parent == V1 else ("memory.max", "memory.swap.max")
    try:
        group.folder.mkdir()
    except OSError as error:
        raise CannotLimitError(f"a limit of memory cannot be tried here, it needs root and cgroups: {error}") from error
    try:
        for name, value in zip(limits, (size, size if parent == V1 else 0), strict=True):
            _limit(group, name, value)
        yield group
    finally:
        _end(group)


def _limit(group: Group, name: str, value: int) -> None:
    try:
        (group.folder / name).write_text(str(value))
    except FileNotFoundError as error:
        if "memsw" not in name and "swap" not in name:  # a kernel without accounting of swap, or without swap
            raise CannotLimitError(f"a limit of memory cannot be tried here: there is no {name}") from error


def _end(group: Group) -> None:
    patience_ends = time.monotonic() + GONE_WITHIN_SECONDS
    while time.monotonic() < patience_ends:
        for process in group.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(OSError):  # one is still ending
            group.folder.rmdir()
            return
        time.sleep(0.1)
    raise AssertionError(f"{group.folder} cannot be removed, there are {group.processes()}")
