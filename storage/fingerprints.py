"""The identity of an alert."""

import hashlib
from collections.abc import Sequence


def fingerprint(rule: str, subject: str, labels: Sequence[tuple[str, str]]) -> str:
    """Identity of an alert: rule and identity labels."""
    identity = "\x1f".join([rule, subject, *(f"{key}={value}" for key, value in sorted(labels))])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
