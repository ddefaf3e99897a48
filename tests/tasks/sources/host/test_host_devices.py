"""Disks, network interfaces and filesystems: which ones count, and in which unit."""

import os
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from tasks.sources.host import disks, filesystems, network
from tasks.sources.host.metric import Point

Mount = namedtuple("Mount", "device mountpoint fstype opts")


@pytest.fixture
def procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    monkeypatch.setattr(disks, "BLOCK_DEVICES", tmp_path / "block")
    return tmp_path


def values(points: list[Point]) -> dict[str, float | None]:
    return {f"{point.metric.name} {point.attributes}": point.value for point in points}


def write_disks(procfs: Path) -> None:
    """Reads, merged, sectors of 512 bytes, ms; the same for writes; in flight, busy ms, weighted ms."""
    counters = "10 0 2000 5 20 0 4000 6 0 7500 11 0 0 0 0 0 0"
    devices = ("loop0", "zram0", "sda", "sda1")
    (procfs / "diskstats").write_text("".join(f"8 0 {device} {counters}\n" for device in devices))
    (procfs / "block" / "sda1").mkdir(parents=True)
    (procfs / "block" / "sda1" / "partition").write_text("1")


def test_disks_count_once_in_bytes_operations_and_seconds(procfs: Path) -> None:
    write_disks(procfs)
    assert values(disks.read_disks()) == {
        "system.disk.io device=sda,direction=read": 1_024_000.0,
        "system.disk.io device=sda,direction=write": 2_048_000.0,
        "system.disk.operations device=sda,direction=read": 10.0,
        "system.disk.operations device=sda,direction=write": 20.0,
        "system.disk.io_time device=sda": 7.5,
    }


def test_a_disk_counter_that_went_down_is_seen_as_it_is(procfs: Path) -> None:
    write_disks(procfs)
    disks.read_disks()
    (procfs / "diskstats").write_text("8 0 sda 1 0 2 5 3 0 4 6 0 8 11 0 0 0 0 0 0\n")
    assert values(disks.read_disks())["system.disk.operations device=sda,direction=read"] == 1.0


def test_a_machine_without_disks_has_no_disk_rows(procfs: Path) -> None:
    (procfs / "diskstats").write_text("")
    assert disks.read_disks() == []


def interfaces(folder: Path, **devices: dict[str, str]) -> Path:
    """A folder as /sys/class/net."""
    for device, files in devices.items():
        for name, text in files.items():
            file = folder / "net" / device / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
    return folder / "net"


def test_what_is_no_network_is_told_by_its_kind_whatever_its_name(tmp_path: Path) -> None:
    sysfs = interfaces(
        tmp_path,
        loopy={"type": "772", "ifindex": "1", "iflink": "1"},
        ens5={"type": "1", "ifindex": "2", "iflink": "2", "device/vendor": "0x1af4"},
        pod7={"type": "1", "ifindex": "9", "iflink": "2"},
        vm1={"type": "1", "ifindex": "10", "iflink": "10", "tun_flags": "0x1002"},
        vpn={"type": "65534", "ifindex": "11", "iflink": "11", "tun_flags": "0x1001"},
        office={"type": "1", "ifindex": "12", "iflink": "2", "lower_ens5/ifindex": "2"},
        docker0={"type": "1", "ifindex": "13", "iflink": "13", "bridge/bridge_id": "8000"},
    )
    names = ["loopy", "ens5", "pod7", "vm1", "vpn", "office", "docker0", "ifb0"]
    assert network.list_networks(names, sysfs) == ["ens5", "vpn", "office", "docker0"]


def test_a_container_has_the_end_of_a_pair_for_its_network(tmp_path: Path) -> None:
    sysfs = interfaces(tmp_path, lo={"type": "772"}, eth0={"type": "1", "ifindex": "2", "iflink": "31"})
    assert network.list_networks(["lo", "eth0"], sysfs) == ["eth0"]
    assert network.list_networks(["lo", "eth0"], tmp_path / "none") == ["eth0"]


def test_network_fields_by_direction_without_loopback_and_container_ends(procfs: Path, tmp_path: Path) -> None:
    (procfs / "net").mkdir()
    header = "Inter-| Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
    line = " 1000 10 1 2 0 0 0 0 5000 50 3 4 0 0 0 0\n"
    (procfs / "net" / "dev").write_text(header + "".join(f"{name}:{line}" for name in ("lo", "pod7", "eth0")))
    sysfs = interfaces(
        tmp_path, pod7={"ifindex": "9", "iflink": "2"}, eth0={"ifindex": "2", "iflink": "2", "device/vendor": "0x1af4"}
    )
    assert values(network.read_network(sysfs)) == {
        "system.network.io device=eth0,direction=receive": 1000,
        "system.network.io device=eth0,direction=transmit": 5000,
        "system.network.packet.count device=eth0,direction=receive": 10,
        "system.network.packet.count device=eth0,direction=transmit": 50,
        "system.network.errors device=eth0,direction=receive": 1,
        "system.network.errors device=eth0,direction=transmit": 3,
        "system.network.packet.dropped device=eth0,direction=receive": 2,
        "system.network.packet.dropped device=eth0,direction=transmit": 4,
    }


def test_the_root_filesystem_is_as_df_has_it() -> None:
    found = values(filesystems.read_filesystems())
    stats = os.statvfs("/")
    total, free = stats.f_blocks * stats.f_frsize, stats.f_bavail * stats.f_frsize
    used = (stats.f_blocks - stats.f_bfree) * stats.f_frsize
    assert found["system.filesystem.utilization mountpoint=/"] == pytest.approx(used / (used + free), abs=0.01)
    states = [found[f"system.filesystem.usage mountpoint=/,state={state}"] for state in ("used", "free", "reserved")]
    assert sum(size for size in states if size is not None) == pytest.approx(total)
    assert found["system.filesystem.usage mountpoint=/,state=free"] == pytest.approx(free, rel=0.05)


def list_mounts(monkeypatch: pytest.MonkeyPatch, *mounts: Mount) -> dict[str, Point]:
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: list(mounts))
    read = [point for point in filesystems.read_filesystems() if point.metric is filesystems.UTILIZATION]
    return {point.attributes: point for point in read}


def test_images_and_second_mounts_of_a_device_are_left_out_but_never_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, bound = tmp_path / "data", tmp_path / "data-again"
    data.mkdir()
    bound.mkdir()
    mounts = [Mount("/dev/b", str(bound), "ext4", "rw"), Mount("/dev/b", str(data), "ext4", "rw")]
    found = list_mounts(monkeypatch, *mounts, Mount("/dev/loop1", str(bound), "squashfs", "ro"))
    assert set(found) == {"mountpoint=/", f"mountpoint={data}"}


def test_single_files_mounted_into_a_container_are_no_filesystems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts, data = tmp_path / "hosts", tmp_path / "longer-data"
    hosts.write_text("")
    data.mkdir()
    found = list_mounts(monkeypatch, Mount("/dev/d", str(hosts), "ext4", "rw"), Mount("/dev/d", str(data), "ext4", "rw"))
    assert set(found) == {"mountpoint=/", f"mountpoint={data}"}


def test_a_filesystem_that_cannot_be_read_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    found = list_mounts(monkeypatch, Mount("/dev/c", str(gone), "ext4", "rw"))
    assert found[f"mountpoint={gone}"][2:] == (None, "unreadable: FileNotFoundError")
    assert found["mountpoint=/"].status == "ok"
