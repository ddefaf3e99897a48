"""Landing files are whole or not there, whatever happens to their writer."""

import fcntl
import os
import random
import time

import polars as pl
import pytest

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.landed_file import check_content, ledger_name
from storage.intake.landing import ORPHAN_AGE_SECONDS, land, pending, sweep_orphans
from storage.intake.landing_names import plain_name
from tests.backups import flip

FRAME = pl.DataFrame({"value": [1, 2, 3]})

WRITE_FOR_EVER = """
import sys
from pathlib import Path
import polars as pl
from storage.home import Home
from storage.intake.landing import land
frame = pl.DataFrame({"value": range(300_000)}, schema={"value": pl.Int64})
while True:
    print(land(Home(Path(sys.argv[1])), "system_metrics", frame).name, flush=True)
"""

LAND_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
import polars as pl
from storage.home import Home
from storage.intake.landing import land
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    land(Home(Path(sys.argv[1])), "system_metrics", pl.DataFrame({"value": range(100_000)}))
except Exception as error:
    print(type(error).__name__, error)
"""

LAND_WITHOUT_PERMISSION = """
import os, sys
from pathlib import Path
import polars as pl
from storage.home import Home
from storage.intake.landing import land
if os.geteuid() == 0:
    os.setuid(65534)
try:
    land(Home(Path(sys.argv[1])), "system_metrics", pl.DataFrame({"value": [1]}))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_what_was_landed_is_read_back_with_its_metadata(home):
    path = land(home, "scans", FRAME, metadata={"source": "racine", "watermark": "2026-03-01T00:00:00+00:00"})
    assert path.parent == home.landing / "scans"
    assert pl.read_parquet(path).equals(FRAME)
    assert pl.read_parquet_metadata(path)["source"] == "racine"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_names_are_unique_and_sort_by_time(home):
    assert [land(home, "scans", FRAME) for _ in range(30)] == pending(home, "scans")
    assert len(pending(home, "scans")) == 30


def test_a_given_name_lands_once(home):
    assert land(home, "scans", FRAME, name="mine") == land(home, "scans", FRAME, name="mine") == pending(home, "scans")[0]


def test_no_torn_file_is_ever_seen_however_often_the_writer_is_killed(home, python):
    chance, acknowledged = random.Random(20260301), set()
    for _ in range(4):
        with python(WRITE_FOR_EVER, home.root) as writer:
            acknowledged.add(writer.stdout.readline().strip())
            stop_at = time.monotonic() + chance.uniform(0.05, 0.25)
            while time.monotonic() < stop_at:
                assert all(pl.read_parquet(path).height == 300_000 for path in pending(home, "system_metrics")[-2:])
            writer.kill()
            acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
    landed = {path.name for path in pending(home, "system_metrics")}
    assert acknowledged <= landed
    assert len(landed) <= len(acknowledged) + 4, "at most the file of each killed writer is not acknowledged"
    assert all(pl.read_parquet(path)["value"].sum() == 44_999_850_000 for path in pending(home, "system_metrics"))


def test_a_full_disk_is_one_line_and_leaves_no_file(home, python):
    with python(LAND_WITHOUT_ROOM, home.root) as process:
        lines = process.stdout.read().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("GovpulseError cannot land system_metrics in ")
    assert "File too large" in lines[0]
    assert list((home.landing / "system_metrics").iterdir()) == []


def test_a_folder_without_permission_is_one_line_and_leaves_no_file(home, python):
    folder = home.landing / "system_metrics"
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    with python(LAND_WITHOUT_PERMISSION, home.root) as process:
        lines = process.stdout.read().splitlines()
    assert lines == [f"GovpulseError cannot land system_metrics in {folder}: Permission denied; free or remount the disk"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dataset", ["scans", "x" * 300], ids=["below a file", "name too long"])
def test_an_impossible_folder_is_one_line(tmp_path, dataset):
    (tmp_path / "file").write_text("")
    home = Home(tmp_path / "file" if dataset == "scans" else tmp_path)
    with pytest.raises(GovpulseError, match="cannot land") as caught:
        land(home, dataset, FRAME)
    assert "\n" not in str(caught.value)


def test_orphans_are_swept_only_when_old(home):
    landed = land(home, "scans", FRAME)
    old, young = landed.with_name(".old.1.tmp"), landed.with_name(".young.2.tmp")
    now = time.time()
    for path, age in ((old, ORPHAN_AGE_SECONDS + 60), (young, ORPHAN_AGE_SECONDS - 60), (landed, 10 * ORPHAN_AGE_SECONDS)):
        path.touch()
        os.utime(path, (now - age, now - age))
    assert sweep_orphans(home, now) == 1
    assert sorted(path.name for path in landed.parent.iterdir()) == sorted([young.name, landed.name])


def test_one_that_is_being_written_is_not_swept_though_the_clock_has_leapt(home):
    part = land(home, "scans", FRAME).with_name(".part.1.tmp")
    with part.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert sweep_orphans(home, time.time() + 10 * ORPHAN_AGE_SECONDS) == 0
    assert sweep_orphans(home, time.time() + 10 * ORPHAN_AGE_SECONDS) == 1


def test_a_temporary_file_that_gets_its_name_while_sweeping_is_no_error(home):
    folder = land(home, "scans", FRAME).parent
    (folder / ".gone.1.tmp").symlink_to(folder / "renamed away")
    assert sweep_orphans(home, time.time()) == 0


def test_a_flipped_bit_of_a_landing_file_is_noticed_wherever_it_is(home, samples):
    path = land(home, "system_metrics", samples(500))
    check_content(path)
    for at in range(0, path.stat().st_size, 53):
        flip(path, at)
        with pytest.raises(GovpulseError, match="is damaged: it is not what was written"):
            check_content(path)
        flip(path, at)
    check_content(path)


def test_the_ledger_knows_a_file_without_its_checksum(home, samples):
    path = land(home, "system_metrics", samples(5), name="a-piece")
    assert path.name.startswith("a-piece.crc-")
    assert ledger_name(path) == "system_metrics/a-piece.parquet"
    assert [plain_name(name) for name in ("a.parquet", ".crc-12.parquet")] == ["a.parquet", ".crc-12.parquet"]
    check_content(path.rename(path.with_name("of-an-older-govpulse.parquet")))
