"""A run of collection: what lands when, and what is left when it is killed."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landing import pending
from tasks.sources.host.batch import CollectResult
from tasks.sources.host.collection import collect_samples, collect_system_metrics
from tasks.sources.host.metric import Metric, Point
from tasks.sources.host.moment import Clock, Moment
from tasks.sources.host.reading import Reading
from tasks.sources.host.rows import SCHEMA

NOON = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC).timestamp()
BYTES = Metric("system.disk.io", "By/s", "rate", "", "", ("device",))
LEVEL = Metric("system.memory.limit", "By", "gauge", "", "")


@dataclass
class Disk:
    fill: Callable[[], None]
    free: Callable[[], None]


class Host:
    """A host on a clock of its own, whose one disk gets faster and faster; `at` runs something at a number of readings."""

    def __init__(self, **at: Callable[[], None]) -> None:
        self.now = NOON
        self.readings = 0
        self.at = at

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, monotonic=lambda: self.now - NOON + 100, sleep=self.sleep)

    def read(self, clock: Clock) -> Reading:
        self.readings += 1
        action = self.at.get(f"reading_{self.readings}")
        if action:
            action()
        moment = Moment(datetime.fromtimestamp(clock.wall(), UTC), clock.monotonic(), "boot", 0.0)
        points = (Point(BYTES, "device=a", clock.monotonic() ** 2), Point(LEVEL, "", None, "unreadable: OSError"))
        return Reading(moment, points, {})


def collect(home: Home, host: Host, samples: int = 20) -> CollectResult:
    return collect_samples(
        home,
        host="h",
        interval_seconds=15.0,
        sample_count=samples,
        land_every_seconds=60.0,
        process_count=3,
        clock=host.clock,
        read=host.read,
    )


def landed(home: Home) -> list[pl.DataFrame]:
    return [pl.read_parquet(path) for path in pending(home, "system_metrics")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def seconds_of(frame: pl.DataFrame) -> list[int]:
    return [int(at.timestamp() - NOON) + 7 for at in frame["observed_at"].unique().sort()]


def test_five_minutes_land_a_file_each_minute(home: Home) -> None:
    result = collect(home, Host())
    frames = landed(home)
    assert [seconds_of(frame) for frame in frames] == [[start + step for step in (0, 15, 30, 45)] for start in range(15, 300, 60)]
    assert all(frame.schema == pl.Schema(SCHEMA) for frame in frames)
    assert result == CollectResult(
        samples=20,
        rows=40,
        unreadable=20,
        files=tuple(path.name for path in pending(home, "system_metrics")),
        first_at=datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC),
        last_at=datetime(2026, 3, 1, 12, 5, 0, tzinfo=UTC),
    )


def test_each_rate_is_over_the_time_since_the_sample_before_and_the_first_has_one(home: Home) -> None:
    """The counter is t squared, so its rate from a to b is a + b; the readings are at 100, 108, 123 and 138 s."""
    collect(home, Host(), samples=3)
    rates = landed(home)[0].filter(pl.col("metric") == "system.disk.io")
    assert rates["value"].to_list() == pytest.approx([208, 231, 261])


def test_a_file_says_where_it_comes_from(home: Home) -> None:
    collect(home, Host(), samples=2)
    (path,) = pending(home, "system_metrics")
    assert pl.read_parquet_metadata(path)["source"] == "host"


@pytest.fixture
def disk() -> Iterator[Disk]:
    """This process's disk, which can be full: no file may grow beyond a few bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield Disk(
        fill=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, usual[1])),
        free=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, usual),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_landing_on_a_full_disk_is_made_up_for_by_the_next(home: Home, disk: Disk) -> None:
    result = collect(home, Host(reading_2=disk.fill, reading_7=disk.free), samples=8)
    (frame,) = landed(home)
    assert len(seconds_of(frame)) == 8
    assert len(result.files) == 1


def test_a_disk_that_stays_full_is_an_error(home: Home, disk: Disk) -> None:
    with pytest.raises(GovpulseError, match="cannot land system_metrics"):
        collect(home, Host(reading_2=disk.fill), samples=3)
    assert landed(home) == []


def test_a_folder_that_cannot_be_written_is_an_error(home: Home) -> None:
    home.landing.write_text("in the way")
    with pytest.raises(GovpulseError, match="cannot land system_metrics"):
        collect(home, Host(), samples=3)


def test_an_exception_lands_what_was_sampled_and_goes_on(home: Home) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(home, Host(reading_4=stop))
    assert [seconds_of(frame) for frame in landed(home)] == [[15, 30]]


def test_no_samples_no_file(home: Home) -> None:
    assert collect(home, Host(), samples=0) == CollectResult(0, 0, 0, (), None, None)
    assert landed(home) == []


def test_the_task_takes_plain_values_and_one_sample_of_this_host_takes_a_second(tmp_path: Path) -> None:
    started = time.monotonic()
    result = collect_system_metrics.fn(
        str(tmp_path), host="h", interval_seconds=15.0, sample_count=1, land_every_seconds=60.0, process_count=3
    )
    assert 1.0 <= time.monotonic() - started < 4.0
    (frame,) = landed(Home(tmp_path))
    busy = frame.filter((pl.col("metric") == "system.cpu.utilization") & (pl.col("attributes") == ""))
    assert busy["status"].to_list() == ["ok"]
    assert (result.samples, result.rows) == (1, frame.height)


COLLECT = """
import json, signal, sys
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
from storage.home import Home
from tasks.sources.host import collection
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), flush=True)
collection.collect_samples(
    Home(Path(sys.argv[1])), host="h", interval_seconds=0.1, sample_count=1000,
    land_every_seconds=float(sys.argv[2]), process_count=1,
)
"""


@contextmanager
def collecting(home: Home, land_every_seconds: float) -> "Iterator[tuple[subprocess.Popen[str], set[str]]]":
    """A process that collects every 0.1 s, and the top modules that it has loaded."""
    command = [sys.executable, "-c", COLLECT, str(home.root), str(land_every_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, set(json.loads(process.stdout.readline()))


def test_kill_9_loses_no_more_than_what_had_not_landed_and_the_module_is_light(home: Home) -> None:
    with collecting(home, land_every_seconds=0.3) as (process, modules):
        while len(pending(home, "system_metrics")) < 4:
            time.sleep(0.02)
        had_landed = set(pending(home, "system_metrics"))
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert had_landed <= set(pending(home, "system_metrics"))
    observed = pl.concat(landed(home))["observed_at"].unique()
    assert len(observed) >= 4, "each of the four files has instants of its own"
    assert modules.isdisjoint({"duckdb", "pyarrow", "scipy"})


def test_sigterm_lands_what_was_sampled(home: Home) -> None:
    with collecting(home, land_every_seconds=600.0) as (process, _):
        time.sleep(0.8)
        assert pending(home, "system_metrics") == []
        process.terminate()
        assert process.wait() == 143
    assert len(pl.concat(landed(home))["observed_at"].unique()) >= 1
