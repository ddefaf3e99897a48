"""Memory and swap. `used` is what programs cannot have, total minus available; free memory says little, Linux fills it."""

import re
import warnings
from collections.abc import Callable
from typing import TypeVar

import psutil

from tasks.sources.host.metric import Family, Metric, Point, read_point

USAGE = Metric(
    name="system.memory.usage",
    unit="By",
    kind="gauge",
    meaning=(
        "Memory by state: used = limit - available; free, buffers and cached as the kernel counts them. "
        "The last three overlap with what is available, so the states do not sum to the limit."
    ),
    read_from="psutil.virtual_memory",
    attributes=("state",),
)
AVAILABLE = Metric("system.memory.available", "By", "gauge", "What programs could get without swapping.", "psutil.virtual_memory")
LIMIT = Metric("system.memory.limit", "By", "gauge", "All memory of the host.", "psutil.virtual_memory")
UTILIZATION = Metric("system.memory.utilization", "1", "gauge", "used / limit, so 1 - available / limit.", "psutil.virtual_memory")
PAGING_USAGE = Metric(
    "system.paging.usage", "By", "gauge", "Swap by state: used, free. No rows without swap.", "psutil.swap_memory", ("state",)
)
PAGING_UTILIZATION = Metric("system.paging.utilization", "1", "gauge", "Swap used / all swap.", "psutil.swap_memory")
PAGING_OPERATIONS = Metric(
    name="system.paging.operations",
    unit="{operation}/s",
    kind="rate",
    meaning="Pages swapped in and out per second.",
    read_from="psutil.swap_memory",
    attributes=("direction",),
)

# psutil reports the kernel's page counts times this, whatever the size of a page is.
SWAP_PAGE_BYTES = 4096
Stats = TypeVar("Stats")


def read_memory() -> list[Point]:
    """The host's memory."""
    memory, unknown = _read_known(psutil.virtual_memory)
    used = memory.total - memory.available
    states = {"used": used, **{state: getattr(memory, state, None) for state in ("free", "buffers", "cached")}}
    return [
        *(read_point(USAGE, None if state in unknown else value, state=state) for state, value in states.items()),
        read_point(AVAILABLE, memory.available),
        read_point(LIMIT, memory.total),
        read_point(UTILIZATION, used / memory.total if memory.total else None),
    ]


def read_paging() -> list[Point]:
    """The host's swap; nothing where there is none."""
    swap, unknown = _read_known(psutil.swap_memory)
    if not swap.total:
        return []
    moved = {"in": None if "sin" in unknown else swap.sin, "out": None if "sout" in unknown else swap.sout}
    return [
        read_point(PAGING_USAGE, swap.used, state="used"),
        read_point(PAGING_USAGE, swap.free, state="free"),
        read_point(PAGING_UTILIZATION, swap.used / swap.total),
        *(
            read_point(PAGING_OPERATIONS, None if size is None else size / SWAP_PAGE_BYTES, direction=direction)
            for direction, size in moved.items()
        ),
    ]


def _read_known(read: Callable[[], Stats]) -> tuple[Stats, set[str]]:
    """What `read` returns, and the fields that psutil set to 0 because it could not tell; it says so only in a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stats = read()
    named = (str(warning.message).partition(" memory stats")[0] for warning in caught)
    return stats, {word for names in named for word in re.findall(r"\w+", names)}


FAMILIES = (
    Family(read_memory, (USAGE, AVAILABLE, LIMIT, UTILIZATION)),
    Family(read_paging, (PAGING_USAGE, PAGING_UTILIZATION, PAGING_OPERATIONS)),
)
