"""How much memory there is, and what of it goes to whom where nobody has said so.

A machine or a container of 1 GB is the least that `govpulse up` runs in. Most of it is Python's and Prefect's; what DuckDB may have
follows what there is, so that a run ends with a sentence about memory, if at all, and not by the kernel's hand.
"""

import os

from tasks.sources.host.cgroups import MEMORY_LIMIT, read_cgroups

MB = 10**6
SHARE = 5
"""DuckDB may have a fifth of what there is: server and worker need two fifths of the least, and two runs go on at once, of which
one has the warehouse's turn."""
MOST_MB = 2000
SERVING_MB = 400
"""What `up` itself takes: the server, the worker, and what watches over them."""
RUN_MB = 350
"""What a flow run takes, beside what DuckDB may have."""
LEAST_RUNS, MOST_RUNS = 2, 4
"""Collecting goes on nearly all the time, and must not be all there is."""


def memory_bytes() -> int:
    """What this process and those beside it may have: the machine's memory, or the tightest limit around it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(point.value) for point in read_cgroups() if point.metric is MEMORY_LIMIT and point.value is not None]
    return min(machine, *limits) if limits else machine


def warehouse_memory(there: int) -> str:
    """DuckDB's limit where so many bytes of memory are there, as DuckDB writes it."""
    megabytes = min(there // SHARE // MB, MOST_MB)
    return "2GB" if megabytes == MOST_MB else f"{megabytes}MB"


def run_limit(there: int) -> int:
    """How many flow runs may go on at once where so many bytes of memory are there."""
    return max(LEAST_RUNS, min(MOST_RUNS, (there // MB - SERVING_MB) // RUN_MB))
