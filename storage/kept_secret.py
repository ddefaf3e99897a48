"""A secret of the installation in a file: made on first use, readable by its owner alone."""

import os
import secrets
from pathlib import Path

from storage.durable import sync_folder, write_part

RANDOM_BYTES = 32
FOR_OTHERS = 0o077


def kept_secret(file: Path, user: str = "") -> str:
    """What is in `file`, else a new secret, which is then there.

    Args:
        user: stands before a new one, with a colon.

    Raises:
        OSError: it cannot be read or written.
    """
    return _read(file) or _make(file, user)


def _read(file: Path) -> str:
    """What is there; nothing where others could read it, for then it is no secret any more."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, encoding="utf-8") as opened:
        state = os.fstat(opened.fileno())
        is_ours = state.st_uid == os.geteuid() and not state.st_mode & FOR_OTHERS
        return opened.read().strip() if is_ours else ""


def _make(file: Path, user: str) -> str:
    secret = f"{user}:{secrets.token_urlsafe(RANDOM_BYTES)}".removeprefix(":")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    write_part(part, f"{secret}\n".encode())
    part.replace(file)
    sync_folder(file.parent)
    return secret
