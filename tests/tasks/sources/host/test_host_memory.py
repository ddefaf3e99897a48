"""Memory and swap, from a kernel's files written by hand."""

from pathlib import Path

import psutil
import pytest

from tasks.sources.host.memory import read_memory, read_paging

MEMINFO = {"MemTotal": 1000, "MemFree": 100, "MemAvailable": 700, "Buffers": 50, "Cached": 400, "SReclaimable": 10}


@pytest.fixture
def procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    return tmp_path


def write_meminfo(procfs: Path, **kilobytes: int) -> None:
    others = dict.fromkeys(("Shmem", "Active", "Inactive", "Slab", "SwapTotal", "SwapFree"), 0)
    lines = {**others, **kilobytes}
    (procfs / "meminfo").write_text("".join(f"{name}: {size} kB\n" for name, size in lines.items()))


def values() -> dict[str, float | None]:
    return {f"{point.metric.name} {point.attributes}".strip(): point.value for point in read_memory()}


def test_used_is_what_is_not_available_rather_than_what_is_not_free(procfs: Path) -> None:
    write_meminfo(procfs, **MEMINFO)
    found = values()
    assert found["system.memory.usage state=used"] == 300 * 1024
    assert found["system.memory.usage state=free"] == 100 * 1024
    assert found["system.memory.available"] == 700 * 1024
    assert found["system.memory.limit"] == 1000 * 1024
    assert found["system.memory.utilization"] == pytest.approx(0.3)


def test_used_and_available_make_the_limit_on_this_host() -> None:
    found = values()
    used, available = found["system.memory.usage state=used"], found["system.memory.available"]
    assert used is not None
    assert available is not None
    assert used + available == found["system.memory.limit"]


def test_what_psutil_sets_to_zero_because_it_cannot_tell_has_no_value(procfs: Path) -> None:
    write_meminfo(procfs, **{name: size for name, size in MEMINFO.items() if name not in ("Buffers", "Cached")})
    found = {point.attributes: point for point in read_memory()}
    assert found["state=cached"][2:] == (None, "unreadable: not_reported")
    assert found["state=buffers"][2:] == (None, "unreadable: not_reported")
    assert found["state=used"].value == 300 * 1024


def paging() -> dict[str, tuple[float | None, str]]:
    return {f"{point.metric.name} {point.attributes}".strip(): (point.value, point.status) for point in read_paging()}


def test_swap_in_bytes_and_pages_since_boot(procfs: Path) -> None:
    write_meminfo(procfs, **MEMINFO, SwapTotal=400, SwapFree=300)
    (procfs / "vmstat").write_text("pswpin 12\npswpout 34\n")
    assert paging() == {
        "system.paging.usage state=used": (100 * 1024, "ok"),
        "system.paging.usage state=free": (300 * 1024, "ok"),
        "system.paging.utilization": (0.25, "ok"),
        "system.paging.operations direction=in": (12.0, "ok"),
        "system.paging.operations direction=out": (34.0, "ok"),
    }


def test_swap_counters_that_cannot_be_read_are_not_zero(procfs: Path) -> None:
    write_meminfo(procfs, **MEMINFO, SwapTotal=400, SwapFree=300)
    found = paging()
    assert found["system.paging.operations direction=in"] == (None, "unreadable: not_reported")
    assert found["system.paging.operations direction=out"] == (None, "unreadable: not_reported")
    assert found["system.paging.utilization"] == (0.25, "ok")


def test_no_swap_no_rows(procfs: Path) -> None:
    write_meminfo(procfs, **MEMINFO)
    (procfs / "vmstat").write_text("pswpin 0\npswpout 0\n")
    assert paging() == {}
