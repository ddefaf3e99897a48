"""Made-up samples of some hosts, a minute apart: busy by day, and on each day a filesystem of one of them fills for hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

MINUTE = timedelta(minutes=1)
DAILY = 1440
SERIES = {
    ("system.cpu.utilization", "", "1"): (0.3, 0.2),
    ("system.cpu.load_average.1m", "", "{thread}"): (1.2, 0.8),
    ("system.memory.utilization", "", "1"): (0.55, 0.1),
    ("system.memory.available", "", "By"): (7e9, 1e9),
    ("system.paging.utilization", "", "1"): (0.05, 0.02),
    ("system.process.count", "", "{process}"): (240.0, 30.0),
    ("system.disk.io", "device=sda,direction=read", "By/s"): (2e6, 1e6),
    ("system.disk.io", "device=sda,direction=write", "By/s"): (5e6, 2e6),
    ("system.disk.io_time", "device=sda", "1"): (0.1, 0.05),
    ("system.network.io", "device=eth0,direction=receive", "By/s"): (1e6, 5e5),
    ("system.network.io", "device=eth0,direction=transmit", "By/s"): (2e6, 8e5),
    ("system.filesystem.utilization", "mountpoint=/", "1"): (0.5, 0.01),
}
"""By metric, attributes and unit: the middle, and what the day adds and takes."""
FILLS = "system.filesystem.utilization"


@dataclass(frozen=True)
class Hosts:
    """So many, each by its own draws."""

    count: int
    first: datetime

    def samples(self, start: datetime, end: datetime) -> pl.DataFrame:
        """What is sampled from `start` on and before `end`."""
        times = np.arange(*((instant - self.first) // MINUTE for instant in (start, end)))
        return pl.concat([self._of_host(number, times) for number in range(self.count)])

    def _of_host(self, number: int, times: NDArray[np.int64]) -> pl.DataFrame:
        rng = np.random.default_rng([number, int(times[0])])
        cycle, frames = np.sin(2 * np.pi * times / DAILY), []
        for (metric, attributes, unit), (middle, swing) in SERIES.items():
            values = middle + swing * cycle + 0.2 * swing * rng.normal(size=len(times))
            if metric == FILLS:
                values += 0.48 * _fills(times, (times // DAILY + number) % self.count == 0)
            frames.append(pl.DataFrame({"metric": metric, "attributes": attributes, "unit": unit, "value": np.maximum(values, 0)}))
        instants = [self.first + int(at) * MINUTE for at in times]
        observed = pl.Series("observed_at", instants * len(SERIES), dtype=pl.Datetime("us", "UTC"))
        return pl.concat(frames).with_columns(observed, pl.lit(f"host-{number}").alias("host"), pl.lit("ok").alias("status"))


def _fills(times: NDArray[np.int64], has_turn: NDArray[np.bool_]) -> NDArray[np.float64]:
    """From ten o'clock on for an hour, until three in the afternoon."""
    minute = times % DAILY
    filled: NDArray[np.float64] = has_turn * np.clip((minute - 600) / 60, 0, 1) * (minute < 900)
    return filled
