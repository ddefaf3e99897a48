"""The guard alone, with processes that behave as badly as they can."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.serving import process_guard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux only")

PATIENCE_SECONDS = 30.0
"""Long before they would end by themselves."""

# A child with a grandchild in a session of its own; both write their pid and sleep on through what `IGNORED` names.
CHILD = """
import os, signal, sys, time
from pathlib import Path
for name in sys.argv[2].split():
    signal.signal(getattr(signal, name), signal.SIG_IGN)
name = "child"
if os.fork() == 0:
    os.setsid()
    name = "grandchild"
Path(sys.argv[1], name).write_text(str(os.getpid()))
time.sleep(120)
"""
PARENT = """
import os, subprocess, sys
process = subprocess.Popen([sys.executable, "-I", sys.argv[1], str(os.getpid()), *sys.argv[2:]], start_new_session=True)
sys.exit(process.wait())
"""


def family(folder: Path, ignored: str = "") -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A parent and, below it, guard, child and grandchild."""
    child = [sys.executable, "-c", CHILD, str(folder), ignored]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, process_guard.__file__, *child])
    files = [folder / "child", folder / "grandchild"]
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < patience_ends, "the family did not start"
        time.sleep(0.02)
    below = psutil.Process(parent.pid).children(recursive=True)
    assert len(below) == 3
    return parent, below


def living(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_kill_9_of_the_parent_ends_all(tmp_path: Path) -> None:
    parent, below = family(tmp_path)
    parent.kill()
    parent.wait()
    assert living(below, PATIENCE_SECONDS) == []


def test_kill_9_of_the_child_ends_its_orphans_and_says_so(tmp_path: Path) -> None:
    parent, below = family(tmp_path)
    below[1].kill()
    assert parent.wait(PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert living(below, PATIENCE_SECONDS) == []


def test_sigterm_of_the_guard_ends_all(tmp_path: Path) -> None:
    parent, below = family(tmp_path)
    below[0].terminate()
    assert parent.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert living(below, PATIENCE_SECONDS) == []


def test_who_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "process_guard.py"
    script.write_text(Path(process_guard.__file__).read_text().replace("GRACE_SECONDS = 3.0", "GRACE_SECONDS = 0.5"))
    monkeypatch.setattr(process_guard, "__file__", str(script))
    parent, below = family(tmp_path, ignored="SIGTERM SIGINT")
    parent.kill()
    parent.wait()
    assert living(below, PATIENCE_SECONDS) == []


def test_child_of_a_guard_hears_ctrl_c_though_the_shell_ignored_it(tmp_path: Path) -> None:
    show = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    command = [sys.executable, "-c", PARENT, process_guard.__file__, sys.executable, "-c", show]
    started = subprocess.run(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command], capture_output=True, text=True, check=True)
    assert started.stdout == "True\n"


def test_exit_code_of_the_child_is_the_guards(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, process_guard.__file__, sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(command, check=False).returncode == 7
