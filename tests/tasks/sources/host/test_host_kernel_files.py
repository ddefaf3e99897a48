"""Pressure and cgroups: where the kernel has them, from files written by hand."""

from pathlib import Path

from tasks.sources.host.cgroups import read_cgroups
from tasks.sources.host.metric import Point
from tasks.sources.host.pressure import read_pressure

PSI = "some avg10=0.14 avg60=0.33 avg300=0.14 total=5000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n"


def values(points: list[Point]) -> dict[str, float | None]:
    return {f"{point.metric.name} {point.attributes}".strip(): point.value for point in points}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_pressure_is_in_seconds_and_the_cpu_has_no_full(tmp_path: Path) -> None:
    for resource in ("cpu", "io"):
        write(tmp_path / resource, PSI)
    assert values(read_pressure(tmp_path)) == {
        "system.pressure.stalled resource=cpu,severity=some": 5.0,
        "system.pressure.stalled resource=io,severity=some": 5.0,
        "system.pressure.stalled resource=io,severity=full": 2.5,
    }


def test_no_pressure_no_rows_but_an_unreadable_file_is_told(tmp_path: Path) -> None:
    assert read_pressure(tmp_path / "none") == []
    (tmp_path / "io").mkdir()
    assert {(point.attributes, point.value, point.status) for point in read_pressure(tmp_path)} == {
        ("resource=io,severity=some", None, "unreadable: IsADirectoryError"),
        ("resource=io,severity=full", None, "unreadable: IsADirectoryError"),
    }


def test_v2_limits_are_the_tightest_on_the_way_up(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    write(membership, "0::/jobs/worker\n")
    write(root / "cgroup.controllers", "cpu memory")
    write(root / "jobs" / "memory.max", "1000000\n")
    write(root / "jobs" / "memory.current", "600000\n")
    write(root / "jobs" / "cpu.max", "max 100000\n")
    write(root / "jobs" / "worker" / "memory.max", "5000000\n")
    write(root / "jobs" / "worker" / "memory.current", "200000\n")
    write(root / "jobs" / "worker" / "cpu.max", "150000 100000\n")
    assert values(read_cgroups(root, membership)) == {
        "container.memory.limit": 1_000_000.0,
        "container.memory.usage": 600_000.0,
        "container.cpu.limit": 1.5,
    }


def test_a_container_that_sees_its_cgroup_as_the_root(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    write(membership, "0::/\n")
    write(root / "cgroup.controllers", "cpu memory")
    write(root / "memory.current", "42\n")
    write(root / "memory.max", "max\n")
    assert values(read_cgroups(root, membership)) == {"container.memory.usage": 42.0}


def test_the_working_set_is_what_is_held_without_inactive_file_cache(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    write(membership, "0::/\n")
    write(root / "cgroup.controllers", "cpu memory")
    write(root / "memory.current", "1000\n")
    write(root / "memory.stat", "anon 300\nfile 700\ninactive_file 600\nactive_file 100\n")
    assert values(read_cgroups(root, membership)) == {"container.memory.usage": 1000.0, "container.memory.working_set": 400.0}


def test_v1_has_the_inactive_cache_of_the_groups_inside_in_a_line_of_its_own(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    write(membership, "4:memory:/\n")
    write(root / "memory" / "memory.usage_in_bytes", "1000\n")
    write(root / "memory" / "memory.stat", "inactive_file 10\ntotal_inactive_file 1200\n")
    assert values(read_cgroups(root, membership)) == {"container.memory.usage": 1000.0, "container.memory.working_set": 0.0}


def test_v1_limits_and_its_number_for_no_limit(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    write(membership, "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    write(root / "memory" / "memory.limit_in_bytes", "9223372036854771712\n")
    write(root / "memory" / "memory.usage_in_bytes", "77\n")
    write(root / "cpu" / "cpu.cfs_quota_us", "50000\n")
    write(root / "cpu" / "cpu.cfs_period_us", "100000\n")
    assert values(read_cgroups(root, membership)) == {"container.memory.usage": 77.0, "container.cpu.limit": 0.5}
    write(root / "cpu" / "cpu.cfs_quota_us", "-1\n")
    write(root / "memory" / "memory.limit_in_bytes", "100\n")
    assert values(read_cgroups(root, membership)) == {"container.memory.usage": 77.0, "container.memory.limit": 100.0}


def test_no_cgroups_no_rows_but_an_unreadable_file_is_told(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    assert read_cgroups(root, membership) == []
    write(membership, "0::/\n")
    write(root / "cgroup.controllers", "cpu memory")
    write(root / "memory.current", "42\n")
    (root / "memory.max").mkdir()
    assert {(point.metric.name, point.value, point.status) for point in read_cgroups(root, membership)} == {
        ("container.memory.limit", None, "unreadable: IsADirectoryError"),
        ("container.memory.usage", 42, "ok"),
    }
