"""Real other users of the machine, and all that one may try in a home.

The interpreter may lie where only root can read, so that nobody else can import: one process imports everything, once, and for each
job a child of it becomes the user.
"""

import grp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RUNNER, READER = 12_345, 65_534
"""Who runs govpulse, and who else is there."""

SERVE = """
import fcntl, json, os, sys, time, traceback

def become(user, groups, umask):
    os.setgroups(groups)
    os.setgid(user)
    os.setuid(user)
    os.umask(umask)

def do(job):
    os.dup2(os.open(job["output"], os.O_WRONLY), 1)
    os.dup2(1, 2)
    become(job["user"], job["groups"], job["umask"])
    os.environ.update(job["variables"])
    sys.argv[1:] = job["arguments"]
    exec(job["script"], globals())
    sys.stdout.flush()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            do(json.loads(line))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    print(os.waitpid(child, 0)[1], flush=True)
"""

TRY = """
def lock(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)

def read(path):
    with open(path, "rb") as file:
        file.read(1)

ACTS = {
    "list": os.listdir,
    "read": read,
    "write": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "lock": lock,
    "make": lambda path: os.close(os.open(os.path.join(path, "planted"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
    "link": lambda path: os.symlink("/etc/hostname", os.path.join(path, "planted too")),
    "open up": lambda path: os.chmod(path, 0o777),
    "rename": lambda path: os.rename(path, path + ".away"),
    "remove": os.unlink,
    "remove folder": os.rmdir,
}
done = []
for act, attempt in ACTS.items():
    for path in json.loads(sys.argv[1]):
        try:
            attempt(path)
        except OSError:
            continue
        done.append([act, path])
print(json.dumps(done))
"""


@dataclass(frozen=True)
class OtherUsers:
    """What others do, one after the other."""

    server: subprocess.Popen[str]

    def run(
        self, user: int, script: str, *arguments: object, groups: tuple[int, ...] = (), umask: int = 0o022, **variables: str
    ) -> str:
        """What a script prints as this user."""
        with tempfile.NamedTemporaryFile("r") as output:
            job: dict[str, Any] = {"user": user, "groups": groups, "umask": umask, "script": script, "variables": variables}
            print(
                json.dumps(job | {"output": output.name, "arguments": [*map(str, arguments)]}), file=self.server.stdin, flush=True
            )
            assert self.server.stdout is not None
            code = self.server.stdout.readline()
            printed = output.read()
        assert code == "0\n", printed
        return printed

    def can(self, home: Path, user: int = READER, groups: tuple[int, ...] = ()) -> set[tuple[str, str]]:
        """Whatever a user succeeds in, of all that there is in the home, as act and path within it."""
        paths = json.dumps([str(path) for path in (home, *sorted(home.rglob("*")))])
        done = json.loads(self.run(user, TRY, paths, groups=groups))
        return {(act, str(Path(path).relative_to(home))) for act, path in done}


@contextmanager
def other_users(imports: str) -> Iterator[OtherUsers]:
    """Others who know these imports."""
    assert os.geteuid() == 0, "only root can become others: run this as root, or below `unshare --map-root-user --map-auto`"
    command = [sys.executable, "-c", imports + SERVE]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield OtherUsers(server)
        assert server.stdin is not None
        server.stdin.close()


@contextmanager
def folder_of(user: int) -> Iterator[Path]:
    """A folder that this user owns and all may go through: pytest's own are root's alone."""
    above = Path(tempfile.mkdtemp(prefix="govpulse-users-"))
    try:
        above.chmod(0o755)
        folder = above / "own"
        folder.mkdir()
        folder.chmod(0o755)
        os.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(above)


def some_group() -> tuple[str, int]:
    """A group of this machine that nobody here is in by itself."""
    taken = {os.getegid(), RUNNER, READER, 0}
    return next((each.gr_name, each.gr_gid) for each in grp.getgrall() if each.gr_gid not in taken)
