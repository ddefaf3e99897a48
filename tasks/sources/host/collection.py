"""Collects samples of this host for a while and lands them, a file every so often.

Reads the host, writes `landing/system_metrics/*.parquet`, never opens the warehouse. One run takes many samples because
starting a run costs a hundred times what a sample does; what a killed run had landed stays.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from prefect import task

from storage.home import Home
from tasks.sources.host.batch import Batch, CollectResult
from tasks.sources.host.moment import SYSTEM_CLOCK, Clock
from tasks.sources.host.reading import Reading, read_host
from tasks.sources.host.rows import Sample, compute_rows
from tasks.sources.host.ticks import wait_for_ticks


def collect_samples(
    home: Home,
    *,
    host: str,
    interval_seconds: float,
    sample_count: int,
    land_every_seconds: float,
    process_count: int,
    clock: Clock = SYSTEM_CLOCK,
    read: Callable[[Clock], Reading] = read_host,
) -> CollectResult:
    """Take `sample_count` samples on the grid of `interval_seconds`, landing what was taken every `land_every_seconds`.

    A first reading at once gives the first sample's rates their start. On any exception, which under Prefect is also what
    SIGTERM and a timeout become, what was sampled is landed before it goes on.

    Args:
        process_count: how many processes by CPU, and how many by memory.
        read: takes one reading; replaceable in tests.

    Raises:
        GovpulseError: the last landing failed; rows were lost.
    """
    batch = Batch(home)
    landed_at = clock.monotonic()
    try:
        for observed_at, rows in take_samples(host, interval_seconds, sample_count, process_count, clock, read):
            batch.add(observed_at, rows)
            # The sample nearest to the due time, so that a tick that comes a moment early does not cost a whole interval.
            if clock.monotonic() - landed_at >= land_every_seconds - interval_seconds / 2:
                batch.try_to_land()
                landed_at = clock.monotonic()
    except BaseException:
        batch.try_to_land()
        raise
    batch.land()
    return batch.report()


def take_samples(
    host: str,
    interval_seconds: float,
    sample_count: int,
    process_count: int,
    clock: Clock,
    read: Callable[[Clock], Reading],
) -> Iterator[tuple[datetime, list[Sample]]]:
    """The instant and the rows of each sample, as it is taken."""
    previous = read(clock)
    for _ in wait_for_ticks(clock, interval_seconds, sample_count):
        current = read(clock)
        yield current.moment.observed_at, compute_rows(host, previous, current, process_count)
        previous = current


@task(name="collect_system_metrics")
def collect_system_metrics(
    home: str,
    *,
    host: str,
    interval_seconds: float,
    sample_count: int,
    land_every_seconds: float,
    process_count: int,
) -> CollectResult:
    """`collect_samples` into the installation at the path `home`."""
    return collect_samples(
        Home(Path(home)),
        host=host,
        interval_seconds=interval_seconds,
        sample_count=sample_count,
        land_every_seconds=land_every_seconds,
        process_count=process_count,
    )
