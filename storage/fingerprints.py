"""Identities that are hashes of names: of an alert, and of a row of a table that has one."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime


def fingerprint(rule: str, subject: str, labels: Sequence[tuple[str, str]]) -> str:
    """Identity of an alert: rule and identity labels."""
    identity = "\x1f".join([rule, subject, *(f"{key}={value}" for key, value in sorted(labels))])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def row_id(*values: str | datetime) -> str:
    """What identifies a row by the values of its `hash_of` columns, 32 hexadecimal digits."""
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:32]
