"""A whole sample: rows in the contract's shape, families that fail alone, this host against psutil's own figures."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from urllib.parse import unquote

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue.raw import SYSTEM_METRICS
from tasks.sources.host.metric import Family, Metric, Point, format_attributes
from tasks.sources.host.processes import Identity, Process
from tasks.sources.host.reading import FAMILIES, METRICS, Reading, read_host
from tasks.sources.host.rows import Sample, build_frame, compute_rows


@pytest.fixture(scope="module")
def readings() -> tuple[Reading, Reading]:
    """Two readings of this host, half a second of work apart."""
    before = read_host()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    return before, read_host()


@pytest.fixture(scope="module")
def rows(readings: tuple[Reading, Reading]) -> list[Sample]:
    return compute_rows("h", *readings, process_count=3)


def value(rows: list[Sample], metric: str, attributes: str = "") -> float:
    (found,) = [row.value for row in rows if (row.metric, row.attributes) == (metric, attributes)]
    assert found is not None
    return found


def test_columns_are_those_of_the_table(rows: list[Sample]) -> None:
    frame = build_frame(rows)
    assert tuple(frame.columns) == SYSTEM_METRICS.column_names
    assert frame.height == len(rows)
    assert frame.n_unique(SYSTEM_METRICS.key) == len(rows)
    assert {row.observed_at.tzinfo for row in rows} == {UTC}


def test_every_row_is_of_a_declared_metric_with_its_unit_and_attributes(rows: list[Sample]) -> None:
    declared = {metric.name: metric for metric in METRICS}
    for row in rows:
        keys = [pair.partition("=")[0] for pair in row.attributes.split(",")] if row.attributes else []
        assert row.unit == declared[row.metric].unit
        assert keys == sorted(keys)
        assert tuple(keys) in {(), declared[row.metric].attributes}


def test_a_value_is_missing_exactly_where_the_status_says_why(rows: list[Sample]) -> None:
    assert all((row.value is None) == (row.status != "ok") for row in rows)
    assert sum(row.value is None for row in rows) < len(rows) / 10


def test_shares_are_fractions(rows: list[Sample]) -> None:
    shares = [row for row in rows if row.unit == "1" and row.value is not None]
    assert len(shares) > 8
    assert [row for row in shares if not 0 <= (row.value or 0) <= 1] == []


def test_a_first_reading_has_gauges_but_no_rate(readings: tuple[Reading, Reading]) -> None:
    gauges = {metric.name for metric in METRICS if metric.kind == "gauge"}
    first = compute_rows("h", None, readings[0], process_count=3)
    rates = [row for row in first if row.metric not in gauges]
    assert {(row.value, row.status) for row in rates} == {(None, "no_previous_reading")}
    assert all(row.value is not None for row in first if row.metric.startswith("system.memory"))


def test_this_host_as_psutil_has_it(rows: list[Sample]) -> None:
    memory = psutil.virtual_memory()
    assert value(rows, "system.memory.limit") == memory.total
    assert value(rows, "system.memory.utilization") == pytest.approx(memory.percent / 100, abs=0.02)
    assert value(rows, "system.cpu.logical.count") == psutil.cpu_count()
    assert value(rows, "system.filesystem.utilization", "mountpoint=/") == pytest.approx(
        psutil.disk_usage("/").percent / 100, abs=0.01
    )
    assert value(rows, "system.uptime") == pytest.approx(time.time() - psutil.boot_time(), abs=30)
    assert value(rows, "system.process.count") == pytest.approx(len(psutil.pids()), abs=15)


def test_the_cpu_we_burned_shows_as_a_share_of_the_whole_machine(rows: list[Sample]) -> None:
    me = psutil.Process()
    identity = format_attributes(pid=me.pid, create_time=f"{me.create_time():.2f}", name=me.name())
    one_core = 1 / (psutil.cpu_count() or 1)
    assert 0.3 * one_core < value(rows, "process.cpu.utilization", identity) <= one_core * 1.1
    assert value(rows, "system.cpu.utilization") > 0.3 * one_core


def test_the_share_of_cpu_agrees_with_psutils_own_over_the_same_time() -> None:
    before = read_host()
    psutil.cpu_percent(None)
    sum(range(8_000_000))
    theirs = psutil.cpu_percent(None) / 100
    assert value(compute_rows("h", before, read_host(), 0), "system.cpu.utilization") == pytest.approx(theirs, abs=0.2)


FIRST = Metric("first", "1", "gauge", "", "")
SECOND = Metric("second", "1", "gauge", "", "")
OTHER = Metric("other", "1", "gauge", "", "")


def fail() -> list[Point]:
    raise PermissionError(13, "no")


def fail_halfway() -> Iterator[Point]:
    yield Point(FIRST, "device=a", 1.0)
    raise ValueError("the kernel wrote nonsense")


@pytest.mark.parametrize(("read", "error"), [(fail, "PermissionError"), (fail_halfway, "ValueError")])
def test_a_family_that_fails_says_so_for_each_of_its_metrics_and_leaves_the_others(
    read: Callable[[], Iterable[Point]], error: str
) -> None:
    families = (Family(read, (FIRST, SECOND)), Family(lambda: [Point(OTHER, "", 1.0)], (OTHER,)))
    found = compute_rows("h", None, read_host(families=families, read_processes=dict), 3)
    assert [(row.metric, row.attributes, row.value, row.status) for row in found] == [
        ("first", "", None, f"unreadable: {error}"),
        ("second", "", None, f"unreadable: {error}"),
        ("other", "", 1.0, "ok"),
    ]


def test_processes_that_cannot_be_read_leave_the_others() -> None:
    def read_processes() -> dict[Identity, Process]:
        raise PermissionError(13, "no")

    found = compute_rows("h", None, read_host(read_processes=read_processes), 3)
    assert [row.status for row in found if row.metric.startswith("process.")] == ["unreadable: PermissionError"] * 3
    assert value(found, "system.memory.limit") > 0


def test_every_family_has_its_failure_row() -> None:
    broken = [family._replace(read=fail) for family in FAMILIES]
    found = compute_rows("h", None, read_host(families=broken, read_processes=dict), 3)
    assert {row.metric for row in found} == {metric.name for family in FAMILIES for metric in family.metrics}
    assert {row.value for row in found} == {None}


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_attributes_are_sorted_and_can_be_taken_apart_again(attributes: dict[str, str]) -> None:
    text = format_attributes(**attributes)
    pairs = [tuple(pair.split("=")) for pair in text.split(",")] if text else []
    assert [key for key, _ in pairs] == sorted(attributes)
    assert {key: unquote(escaped) for key, escaped in pairs} == attributes
    assert re.search(r"[\x00-\x1f]", text) is None


def test_names_that_are_not_utf8_can_be_written() -> None:
    text = format_attributes(name=b"caf\xe9,a=b".decode("utf-8", "surrogateescape"))
    assert text == "name=caf%E9%2Ca%3Db"
    text.encode()
