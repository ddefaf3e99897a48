"""Who may reach what lies in the home: folders that only their owner enters, within one that others may go through.

Files are closed by their names, never through a descriptor: a process that closes a descriptor of a file gives up all the locks of
DuckDB and SQLite that it holds on it.
"""

import os
import pwd
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from storage.errors import GovpulseError

OTHERS = 0o077
LISTING_OR_WRITING = 0o066
TRAVERSED = 0o711
FOLDER = 0o700
FILE = 0o600


def make_root(root: Path, is_ours: Callable[[str], bool]) -> None:
    """Make the folder that others may go through, or take from them what more they may do with it, where nothing else lies in it.

    Args:
        is_ours: whether something of this name is govpulse's own.

    Raises:
        GovpulseError: it is somebody else's, or all may write to it.
        OSError: it cannot be made.
    """
    _make_missing(root)
    user = _refuse_foreign(root, {os.geteuid(), 0})
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & stat.S_ISVTX and mode & 0o022:
        raise GovpulseError(f"{root} is a shared folder; set GOVPULSE_HOME to a folder of its own, such as {root / 'govpulse'}")
    if mode & LISTING_OR_WRITING and user == os.geteuid() and all(map(is_ours, os.listdir(root))):
        root.chmod(mode & ~LISTING_OR_WRITING)
    elif mode & stat.S_IWOTH:
        command = f"chmod o-w {shlex.quote(str(root))}"
        raise GovpulseError(
            f"everybody can write to {root}; close it with `{command}`, or set GOVPULSE_HOME to a folder of its own"
        )


def _make_missing(root: Path) -> None:
    """With the folders on the way to it, whatever the umask: others cannot reach a file in what they cannot go through."""
    if not root.exists() and not root.is_symlink():
        _make_missing(root.parent)
        with suppress(FileExistsError):
            root.mkdir(FOLDER)
            root.chmod(TRAVERSED)


def close_folder(folder: Path) -> None:
    """Make `folder`, or what it is a link to, one that only its owner enters.

    Raises:
        GovpulseError: it is somebody else's.
        OSError: it cannot be made or closed.
    """
    folder.mkdir(FOLDER, exist_ok=True)
    _refuse_foreign(folder, {os.geteuid()})
    close(folder)


def close_contents(folder: str | Path) -> None:
    """Close whatever lies in `folder` to others. What vanishes meanwhile, or is somebody else's within, stays as it is."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_symlink():
                with suppress(FileNotFoundError, PermissionError):
                    _close(entry.path, entry.stat())
                    if entry.is_dir():
                        close_contents(entry.path)


def close(path: Path) -> None:
    """Take from others whatever they may do with a file or folder."""
    _close(path, path.stat())


def _close(path: str | Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & OTHERS:
        os.chmod(path, mode & ~OTHERS)  # noqa: PTH101 - thousands of paths stay texts


def owner_only(path: str, flags: int) -> int:
    """An opener: a file that is made is for its owner alone, whatever the umask."""
    return os.open(path, flags, FILE)


def close_what_is_made() -> None:
    """Let whatever this process and its children make from now on be for their owner only: libraries write files, too."""
    os.umask(OTHERS)


def name_of(user: int) -> str:
    """What a user is called."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _refuse_foreign(folder: Path, users: set[int]) -> int:
    """Whose the folder is. A link is followed only where one of them, or root, made it: anybody else may lead us anywhere."""
    for user, trusted in ((folder.lstat().st_uid, users | {0}), (folder.stat().st_uid, users)):
        if user not in trusted:
            name = name_of(user)
            raise GovpulseError(f"{folder} belongs to {name}; run govpulse as {name}, or set GOVPULSE_HOME to a folder of your own")
    return user
