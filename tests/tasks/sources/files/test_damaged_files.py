"""Files with planted damage: no row that stands whole is lost, none is doubled, each is accounted for, and nothing falls over."""

from pathlib import Path

import pytest

from storage.errors import GovpulseError
from storage.frames import fetch
from storage.intake.loading import load_landing
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.files import land_file
from tests.damaged_files import Damaged, damaged_file
from tests.homes import migrated_home

LIMITS = Limits(lock_timeout_seconds=10.0, threads=1)
A_FEW = 38
MANY = 300


class Taker:
    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, migrated_home(folder / "home")

    def faults(self, file: Damaged) -> list[str]:
        """What is wrong with how the file was taken."""
        path = self.folder / file.name
        path.write_bytes(file.content)
        try:
            landed = land_file(self.home, "activity", path)
        except GovpulseError as error:
            return [] if file.is_lost and "\n" not in str(error) else [f"refused as a whole: {error}"]
        with warehouse(self.home, LIMITS) as con:
            result = load_landing(con, self.home)
            said = f"SELECT activity_id, domain FROM raw.activity WHERE starts_with(activity_id, '{path.name.split('.')[0]}-')"
            found = dict(fetch(con, said).rows())
            refused = fetch(con, "SELECT count(*) FROM ops.rejected_rows").item()
            loads = fetch(con, f"SELECT sum(rows) FROM ops.loads WHERE origin = '{path}'").item()
        faults = [f"lost {key}" for key in file.valid if key not in found]
        faults += [f"made up {key}" for key in found if key not in file.valid and key not in file.uncertain and not file.is_noise]
        faults += [
            f"{key} has {found[key]!r}, not {row['domain']!r}"
            for key, row in file.valid.items()
            if "domain" in row and key in found and key not in file.uncertain and found[key] != row["domain"]
        ]
        if not landed.rows == result.rows == result.accepted + result.rejected + result.skipped == (loads or 0):
            faults.append(f"{landed.rows} landed, {loads} booked, {result}")
        if result.quarantined:
            faults.append(f"quarantined: {result.quarantined}")
        if result.accepted < len(found) or bool(result.rejected) > bool(refused):
            faults.append(f"{len(found)} in, {result}")
        return faults


def all_faults(folder: Path, seeds: range) -> dict[str, list[str]]:
    taker = Taker(folder)
    found = {}
    for seed in seeds:
        file = damaged_file(seed)
        if faults := taker.faults(file):
            found[f"{file.name}, {file.told}"] = faults
    return found


def test_what_stands_whole_comes_in(tmp_path: Path) -> None:
    assert all_faults(tmp_path, range(A_FEW)) == {}


@pytest.mark.campaign
def test_what_stands_whole_in_300_files_comes_in(tmp_path: Path) -> None:
    assert all_faults(tmp_path, range(MANY)) == {}


def test_a_folder_that_is_called_like_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "activity.csv").mkdir()
    with pytest.raises(GovpulseError, match="cannot read"):
        land_file(migrated_home(tmp_path / "home"), "activity", tmp_path / "activity.csv")
