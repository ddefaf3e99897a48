"""The wall-clock grid that samples are taken on: with 15 s, at :00, :15, :30 and :45, so that hosts can be compared."""

from collections.abc import Iterator
from math import ceil

from tasks.sources.host.moment import Clock

# CPU time is counted in steps of 10 ms: a share over much less than this is coarse.
SHORTEST_RATE_SECONDS = 1.0
# A sleep may end a moment before its tick; without a smallest wait that tick would be sampled twice.
SMALLEST_WAIT_RATIO = 0.1


def wait_for_ticks(clock: Clock, interval_seconds: float, count: int) -> Iterator[float]:
    """Sleep until each of the next `count` ticks and yield the instant (s since 1970) of waking up.

    Ticks that were slept through (the machine was suspended) are left out and used up, so that nothing is sampled twice and
    the run ends when it was expected to. A first tick that is too near for a rate is taken up to a second late. A single
    sample does not wait for the grid: it is someone trying things out.
    """
    if count == 1:
        clock.sleep(SHORTEST_RATE_SECONDS)
        yield clock.wall()
        return
    start = clock.wall()
    tick = (start // interval_seconds + 1) * interval_seconds
    last = tick + (count - 1) * interval_seconds
    wait = max(tick - start, min(SHORTEST_RATE_SECONDS, SMALLEST_WAIT_RATIO * interval_seconds))
    for _ in range(count):
        clock.sleep(wait)
        woke = clock.wall()
        if woke < tick + interval_seconds:
            yield woke
        now = clock.wall()
        tick = find_next_tick(now, interval_seconds)
        wait = tick - now
        if tick > last + interval_seconds / 2:
            return


def find_next_tick(now_seconds: float, interval_seconds: float) -> float:
    """The next multiple of the interval, unless it is so near that it is the one just sampled."""
    return ceil(now_seconds / interval_seconds + SMALLEST_WAIT_RATIO) * interval_seconds
