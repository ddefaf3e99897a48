"""What DuckDB and the worker may have follows what there is."""

import pytest

from flows import memory
from flows.memory import memory_bytes, run_limit, warehouse_memory
from tasks.sources.host.cgroups import MEMORY_LIMIT
from tasks.sources.host.metric import Point, read_point

GB = 10**9


@pytest.mark.parametrize(("there", "limit"), [(GB, "200MB"), (4 * GB, "800MB"), (10 * GB, "2GB"), (64 * GB, "2GB")])
def test_duckdb_may_have_a_fifth_and_two_gigabytes_at_most(there: int, limit: str) -> None:
    assert warehouse_memory(there) == limit


@pytest.mark.parametrize(("there", "runs"), [(GB // 2, 2), (GB, 2), (2 * GB, 4), (64 * GB, 4)])
def test_fewer_runs_go_on_at_once_where_there_is_less(there: int, runs: int) -> None:
    assert run_limit(there) == runs


@pytest.mark.parametrize(("points", "expected"), [([], None), ([read_point(MEMORY_LIMIT, 10_000_000.0)], 10_000_000)])
def test_the_tightest_limit_counts_and_without_one_the_machine(points: list[Point], expected: int | None, monkeypatch) -> None:
    monkeypatch.setattr(memory, "read_cgroups", lambda: points)
    machine = memory.os.sysconf("SC_PAGE_SIZE") * memory.os.sysconf("SC_PHYS_PAGES")
    assert memory_bytes() == (expected or machine)
