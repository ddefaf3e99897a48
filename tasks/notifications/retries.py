"""When an attempt that failed is made again, pure."""

import hashlib
from datetime import timedelta

FIRST = timedelta(seconds=30)
MOST = timedelta(minutes=15)
GIVE_UP = timedelta(hours=6)
"""What a channel did not take for so long is dead, and raises an alert."""


def backoff(failures: int, retry_after: timedelta | None, seed: str) -> timedelta:
    """How long a channel is left alone: twice as long after each failure, up to `MOST`, and at least as long as it asked for. A
    share of it is drawn from `seed`, so that channels of one receiver do not come back all at once (exponential backoff with
    jitter; M. Brooker, AWS Architecture Blog 2015)."""
    share = int(hashlib.sha256(f"{seed}\x1f{failures}".encode()).hexdigest()[:8], 16) / 16**8
    if retry_after is not None:
        return retry_after * (1 + 0.1 * share)
    return min(FIRST * float(2 ** min(failures - 1, 16)), MOST) * (0.5 + 0.5 * share)
