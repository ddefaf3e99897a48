"""A disk that is full at any moment: what failed says so and leaves nothing, and when there is room everything goes on, with every
row that was landed there once."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from storage.home import Home
from storage.intake.landing import land
from storage.intake.loading import load_landing
from storage.maintenance import compact
from storage.publishing.publishing import publish
from storage.room import error_of_disk, is_about_room, mind_the_disk
from storage.warehouse import warehouse
from tests.full_filesystem import Filler, small_filesystem

INSTANTS = 20
ROWS = 20_000
FILES = 4
START = datetime(2026, 3, 1, tzinfo=UTC)
LEFTOVERS = ("*.tmp", "warehouse.compacting*", ".govpulse.duckdb.publishing*", "spill", "*.rewriting")


def rows(number: int) -> pl.DataFrame:
    """Samples that no other file has."""
    instants = [START + timedelta(seconds=number * ROWS + at) for at in range(ROWS)]
    values = [float(at % 977) / number for at in range(1, ROWS + 1)] if number else [0.5] * ROWS
    fixed = {"host": "h1", "metric": "m", "attributes": "", "unit": "1", "status": "ok"}
    return pl.DataFrame({"observed_at": instants, "value": values}).with_columns(
        *(pl.lit(text).alias(name) for name, text in fixed.items())
    )


class Cycles:
    """Landing, loading, publishing and compacting, over and over; and what is known to be landed."""

    def __init__(self, home: Home) -> None:
        self.home, self.landed, self.number, self.problems = home, 0, 0, list[str]()

    def run(self) -> None:
        """One cycle. A step that fails is noted, and the next goes on."""
        mind_the_disk(self.home)
        for _ in range(FILES):
            self.step(self.land)
        for step in (self.load, self.publish, self.compact):
            self.step(step)

    def step(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            if not is_about_room(error):
                raise
            self.problems.append(f"{action.__name__}: {error_of_disk(error, self.home.root)}")

    def land(self) -> None:
        self.number += 1
        land(self.home, "system_metrics", rows(self.number), metadata={"source": "host"})
        self.landed += ROWS

    def load(self) -> None:
        with warehouse(self.home) as con:
            load_landing(con, self.home)

    def publish(self) -> None:
        with warehouse(self.home) as con:
            publish(con, self.home)

    def compact(self) -> None:
        with warehouse(self.home) as con:
            compact(con, self.home)

    def leftovers(self) -> list[Path]:
        return [path for pattern in LEFTOVERS for path in self.home.root.rglob(pattern)]


@pytest.mark.campaign
def test_disk_that_fills_at_any_moment_costs_nothing_that_was_landed(tmp_path: Path) -> None:
    chance = random.Random(1)
    with small_filesystem(tmp_path) as mounted:
        cycles, filler = Cycles(Home(mounted / "home")), Filler(mounted)
        cycles.home.create()
        started = datetime.now(UTC)
        cycles.run()
        seconds = (datetime.now(UTC) - started).total_seconds()
        assert cycles.problems == []
        for _ in range(INSTANTS):
            timer = threading.Timer(chance.uniform(0.0, seconds), filler.fill)
            timer.start()
            cycles.run()
            timer.join()
            cycles.run()  # it is full all the time, and the reserve is given up
            assert cycles.leftovers() == []
            filler.free()
            mind_the_disk(cycles.home)
            assert cycles.home.reserve.exists()
        before = len(cycles.problems)
        cycles.run()
        assert cycles.problems[before:] == []
        with warehouse(cycles.home) as con:
            sql = "SELECT count(*), count(DISTINCT observed_at) FROM raw.system_metrics"
            assert con.sql(sql).fetchone() == (cycles.landed, cycles.landed)
    assert {problem.split(":")[0] for problem in cycles.problems} >= {"publish", "compact"}
    assert all("free space on " in problem and "\n" not in problem for problem in cycles.problems)
