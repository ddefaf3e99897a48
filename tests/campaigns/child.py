"""What the campaign kills: a process that lands, loads, computes, publishes and compacts, or only lands, round after round.

Arguments: home, folder for its records, name, `pass` or `collect`, rounds (0 = until killed). It acknowledges a batch in an
fsynced line once `land` has returned, and keeps the name of its current phase in a file, for the parent to read.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from storage.home import Home
from storage.intake.landing import land, pending
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.maintenance import compact
from storage.publishing.publishing import publish
from storage.warehouse import warehouse
from tasks.insights.system_metrics_hourly import SYSTEM_METRICS_HOURLY
from tests.insights import compute_table

BATCH_ROWS = 20
HOURS = 6
COLLECT_EVERY_SECONDS = 0.15
BACKLOG_FILES = 15
"""Beyond it collectors wait: on a busy machine a loader that is killed all the time would never get to the later phases."""


def make_batch(host: str, number: int) -> pl.DataFrame:
    """Rows that no other batch has, over the last hours, so that every pass finds late ones."""
    now = datetime.now(UTC)
    instants = [now - timedelta(hours=row % HOURS, microseconds=row) for row in range(BATCH_ROWS)]
    return pl.DataFrame(
        {
            "host": host,
            "metric": "campaign.batches",
            "attributes": "",
            "observed_at": instants,
            "unit": "1",
            "value": [float(number * BATCH_ROWS + row) for row in range(BATCH_ROWS)],
            "status": "ok",
        }
    )


def land_batch(home: Home, records: Path, host: str, number: int) -> None:
    batch = make_batch(host, number)
    path = land(home, "system_metrics", batch)
    keys = ",".join(str(micros) for micros in batch["observed_at"].dt.epoch("us"))
    descriptor = os.open(records / f"{host}.acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{path.name} {host} {keys}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)


def load(home: Home) -> None:
    with warehouse(home) as con:
        load_landing(con, home)


def compute_hours(home: Home, as_of: datetime) -> None:
    """As the flow does: from the hour of the oldest row not shown yet."""
    compute_table(SYSTEM_METRICS_HOURLY, str(home.root), as_of=as_of, limits=Limits())


def publish_all(home: Home) -> None:
    with warehouse(home) as con:
        publish(con, home)


def compact_file(home: Home) -> None:
    with warehouse(home) as con:
        compact(con, home)


@contextmanager
def phase(records: Path, name: str) -> Iterator[None]:
    """Say where we are; written in place, so that a kill leaves the last word."""
    with (records / "phase").open("r+b") as file:
        file.write(name.ljust(8).encode())
    yield


def do_pass(home: Home, records: Path, host: str, number: int) -> None:
    """One whole pass, phase by phase. The published file is the last to be written, so it agrees with the warehouse."""
    steps = {
        "land": lambda: land_batch(home, records, host, number),
        "load": lambda: load(home),
        "compute": lambda: compute_hours(home, datetime.now(UTC)),
        "compact": lambda: compact_file(home),
        "publish": lambda: publish_all(home),
    }
    for name, step in steps.items():
        with phase(records, name):
            step()


def main(root: str, folder: str, name: str, mode: str, rounds: str) -> None:
    home, records, host = Home(Path(root)), Path(folder), f"{name}-{os.getpid()}"
    number = 0
    while not int(rounds) or number < int(rounds):
        if mode == "pass":
            do_pass(home, records, host, number)
        else:
            land_batch(home, records, host, number)
            time.sleep(COLLECT_EVERY_SECONDS)
            while len(pending(home, "system_metrics")) > BACKLOG_FILES:
                time.sleep(COLLECT_EVERY_SECONDS)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
