"""How long the texts of an alert are at most: they are stored, sent, and matched by regular expressions."""

import hashlib

LONGEST_LABEL = 500
LONGEST_DETAIL = 4000
"""In bytes of UTF-8."""


def shortened(text: str, longest: int = LONGEST_LABEL) -> str:
    """`text`, or its beginning with how long it was and a digest of all of it: two texts stay two."""
    if len(text) <= longest // 4:  # no character has more than four bytes
        return text
    whole = text.encode(errors="replace")
    if len(whole) <= longest:
        return text
    note = f"... ({len(text):,} characters, {hashlib.sha256(whole).hexdigest()[:8]})"
    return whole[: longest - len(note)].decode(errors="ignore") + note
