"""The secret that addresses of people are hashed with: a file in `private/`, a copy beside the backups, and its fingerprint in the
warehouse.

It is made once. With another one everybody would become somebody else, so one that is lost or not that of the warehouse ends the
run. A restore brings it back: the copy takes the place of one that is missing.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from storage.access import close
from storage.durable import sync_folder, write_part
from storage.errors import GovpulseError
from storage.home import Home
from storage.people.pseudonyms import Addresses, Pseudonyms
from storage.relations import values_of
from storage.transaction import transaction
from storage.write import enter

RANDOM_BYTES = 32


def find_pseudonyms(con: duckdb.DuckDBPyConnection, home: Home, rule: Addresses, now: datetime) -> Pseudonyms:
    """What stands for addresses in the warehouse that `con` holds; the secret is made where the rule is `hash` and there is none.

    Raises:
        GovpulseError: the rule is `hash`, and the secret is lost, is not that of the warehouse, or cannot be read or written.
    """
    forgotten = values_of(con, "ops.forgotten", "salt", "forgotten_id")
    salt = forgotten[0][0] if forgotten else ""
    return Pseudonyms(rule, _secret(con, home, rule, now), salt, frozenset(known for _, known in forgotten))


def _secret(con: duckdb.DuckDBPyConnection, home: Home, rule: Addresses, now: datetime) -> bytes | None:
    used = values_of(con, "ops.person_secret", "fingerprint")
    if rule != "hash":  # who lost it can go on without
        with suppress(GovpulseError):
            return _known(home, used[0][0]) if used else None
        return None
    found = _known(home, used[0][0]) if used else _read_first(home.person_secret, home.kept_person_secret)
    secret = _keep(home.person_secret, found or secrets.token_bytes(RANDOM_BYTES))
    if not used:
        with transaction(con):
            enter(con, "ops.person_secret", {"fingerprint": fingerprint_of(secret), "first_used_at": now})
    return secret


def fingerprint_of(secret: bytes) -> str:
    """What tells secrets apart, and says nothing of them: nobody can try 2^256."""
    return hashlib.sha256(secret).hexdigest()


def copy_secret(home: Home) -> None:
    """Put the secret beside the backups, which are of no use without it.

    Raises:
        GovpulseError: another one lies there, by which other backups go, or it cannot be written.
    """
    secret = _read(home.person_secret)
    if secret is not None and _keep(home.kept_person_secret, secret) != secret:
        raise GovpulseError(f"{home.kept_person_secret} belongs to another warehouse: move it away, with its backups")


def _known(home: Home, fingerprint: str) -> bytes:
    found = [secret for path in (home.person_secret, home.kept_person_secret) if (secret := _read(path)) is not None]
    if found and fingerprint_of(found[0]) != fingerprint and home.person_secret.exists():
        raise GovpulseError(
            f"{home.person_secret} is not this warehouse's secret, and people would get other ids: restore it from a backup"
        )
    for secret in found:
        if fingerprint_of(secret) == fingerprint:
            return secret
    raise GovpulseError(
        f"this warehouse's secret is lost, and people would get other ids: restore {home.person_secret} from a backup"
    )


def _read_first(*paths: Path) -> bytes | None:
    return next((secret for path in paths if (secret := _read(path)) is not None), None)


def _read(path: Path) -> bytes | None:
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is not a secret"
        raise GovpulseError(f"cannot read the secret in {path}: {said}; restore it from a backup") from error
    if len(secret) != RANDOM_BYTES:
        raise GovpulseError(f"cannot read the secret in {path}: it is not a secret; restore it from a backup")
    return secret


def _keep(path: Path, secret: bytes) -> bytes:
    """Have the secret in `path`, whole or not at all; returns what was there before, where something was."""
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    kept = _read(path)
    if kept is not None:
        close(path)
        return kept
    try:
        part.unlink(missing_ok=True)
        write_part(part, f"{secret.hex()}\n".encode())
        with suppress(FileExistsError):  # somebody else's was first
            os.link(part, path)
        part.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise GovpulseError(f"cannot write the secret to {path}: {error.strerror or error}") from error
    return _read(path) or secret
