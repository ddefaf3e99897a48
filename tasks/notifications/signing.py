"""Signs a webhook as the Standard Webhooks specification says."""

import base64
import binascii
import hashlib
import hmac

ENCODED = "whsec_"


def sign(secret: str, notification_id: str, timestamp: str, body: bytes) -> str:
    """The header webhook-signature: HMAC-SHA256 over id, timestamp and body.

    Raises:
        ValueError: as `key_of`.
    """
    signed = f"{notification_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: what follows `whsec_`, decoded, or else the text itself.

    Raises:
        ValueError: the secret begins with `whsec_`, and no base64 follows.
    """
    if not secret.startswith(ENCODED):
        return secret.encode(errors="surrogateescape")
    try:
        key = base64.b64decode(secret.removeprefix(ENCODED), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:  # outside of the handler: the exception holds the secret
        raise ValueError(f"its secret begins with {ENCODED}, and what follows is not base64")
    return key
