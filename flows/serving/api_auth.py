"""The secret of an installation for its Prefect API: `user:password`, made on first start, readable by its owner alone.

Worker, flow runs and the command line show it with each request; a browser gets it through the link that `up` prints.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from storage.durable import sync_folder, write_part
from storage.errors import GovpulseError
from storage.home import Home

USER = "govpulse"
RANDOM_BYTES = 32
FOR_OTHERS = 0o077


def api_auth_file(home: Home) -> Path:
    """Where it is kept."""
    return home.prefect / "api_auth"


def api_auth(home: Home, environment: Mapping[str, str]) -> str:
    """The secret: what the environment says our server asks for, else the installation's own, made where there is none.

    Raises:
        GovpulseError: the file cannot be read or written.
    """
    file = api_auth_file(home)
    given = environment.get("PREFECT_SERVER_API_AUTH_STRING")
    try:
        return given or _read(file) or _make(file)
    except OSError as error:
        raise GovpulseError(f"cannot write the secret of the Prefect API to {file}: {error.strerror or error}") from error


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


def _make(file: Path) -> str:
    secret = f"{USER}:{secrets.token_urlsafe(RANDOM_BYTES)}"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    write_part(part, f"{secret}\n".encode())
    part.replace(file)
    sync_folder(file.parent)
    return secret
