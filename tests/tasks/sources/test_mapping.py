"""Mappings: which SELECT counts for a dialect, in which zone, and what is said of one that cannot be used."""

from pathlib import Path

import pytest

from storage.errors import GovpulseError
from tasks.sources.mapping import load_mapping


def mapping_folder(folder: Path, **files: str) -> Path:
    own = folder / "mine"
    own.mkdir()
    for name, text in files.items():
        (own / name.replace("__", ".")).write_text(text)
    return own


def test_the_dialects_own_select_goes_first(tmp_path: Path) -> None:
    own = mapping_folder(tmp_path, scans__sql="SELECT 1", scans__sqlite__sql="SELECT 2", users__postgresql__sql="SELECT 3")
    mapping = load_mapping(str(own), "sqlite", "UTC")
    assert mapping.select("scans") == "SELECT 2"
    assert set(mapping.selects) == {"scans"}
    assert load_mapping(str(own), "postgresql", "UTC").select("scans") == "SELECT 1"


def test_a_select_may_end_with_a_semicolon(tmp_path: Path) -> None:
    own = mapping_folder(tmp_path, scans__sql="SELECT 1;\n")
    assert load_mapping(str(own), "sqlite", "UTC").select("scans") == "SELECT 1"


def test_zones_are_named_taken_from_the_settings_or_utc(tmp_path: Path) -> None:
    zones = '[timezones]\nscans = "America/New_York"\ndeployments = "server"\n'
    own = mapping_folder(tmp_path, scans__sql="SELECT 1", mapping__toml=zones)
    mapping = load_mapping(str(own), "sqlite", "Europe/Berlin")
    assert mapping.zones["scans"].key == "America/New_York"
    assert mapping.zones["deployments"].key == "Europe/Berlin"
    assert mapping.zones["users"].key == "UTC"
    assert {zone.key for zone in mapping.zones_of("scans").values()} == {"America/New_York"}


def test_a_column_may_have_a_zone_of_its_own(tmp_path: Path) -> None:
    zones = '[timezones]\nscans = "America/New_York"\n"scans.finished_at" = "server"\n'
    own = mapping_folder(tmp_path, scans__sql="SELECT 1", mapping__toml=zones)
    found = load_mapping(str(own), "sqlite", "Europe/Berlin").zones_of("scans")
    assert found["started_at"].key == "America/New_York"
    assert found["finished_at"].key == "Europe/Berlin"


def test_owners_are_optional_and_offered_by_no_shipped_mapping(tmp_path: Path) -> None:
    own = mapping_folder(tmp_path, scans__sql="SELECT 1", owners__sql="SELECT 2", owners__postgresql__sql="SELECT 3")
    assert load_mapping(str(own), "sqlite", "UTC").datasets == ("scans", "owners")
    assert load_mapping(str(own), "postgresql", "UTC").select("owners") == "SELECT 3"
    shipped = [load_mapping(name, "sqlite", "UTC") for name in ("racine", "prefect")]
    assert not any("owners" in mapping.datasets for mapping in shipped)


def test_racine_offers_every_dataset_but_owners() -> None:
    mapping = load_mapping("racine", "sqlite", "Europe/Berlin")
    assert set(mapping.selects) == {"scans", "deployments", "activity", "users"}
    assert {name: mapping.zones[name].key for name in mapping.datasets} == {
        "scans": "UTC",
        "deployments": "Europe/Berlin",
        "activity": "UTC",
        "users": "UTC",
    }


@pytest.mark.parametrize("name", ["nowhere", "/nowhere/at/all", "", ".."])
def test_an_unknown_mapping_says_which_there_are(name: str) -> None:
    with pytest.raises(GovpulseError, match=r"^unknown mapping .*racine.*folder") as caught:
        load_mapping(name, "sqlite", "UTC")
    assert "\n" not in str(caught.value)


def test_a_mapping_without_selects_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(GovpulseError, match=r"mine has none of scans\.sql"):
        load_mapping(str(mapping_folder(tmp_path)), "sqlite", "UTC")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[timezones]\nscans = "Mars/Olympus"', "Mars/Olympus"),
        ('[timezones]\nscans = "Europe"', "Europe"),
        ("[timezones]\nscans = 1", "scans"),
        ('[timezones]\nscan = "UTC"', "scan"),
        ('timezone = "UTC"', "timezone"),
        ("[timezones\n", "line 1"),
        ('[timezones]\n"scans.status" = "UTC"', "scans.status"),
        ("timezones = 1", "timezones must be a table"),
        ("[kept_days]\nscan = 7", "scan"),
        ('[kept_days]\nscans = "7 days"', "kept_days.scans must be a number of days"),
        ("[kept_days]\nscans = 0", "kept_days.scans must be a number of days"),
    ],
    ids=[
        "unknown zone",
        "folder of zones",
        "number",
        "unknown dataset",
        "unknown key",
        "no TOML",
        "no instant",
        "no table",
        "unknown dataset that is kept",
        "words for days",
        "kept for no day",
    ],
)
def test_a_mistake_in_mapping_toml_is_named(tmp_path: Path, toml: str, said: str) -> None:
    own = mapping_folder(tmp_path, scans__sql="SELECT 1", mapping__toml=toml)
    with pytest.raises(GovpulseError, match=r"mapping\.toml") as caught:
        load_mapping(str(own), "sqlite", "UTC")
    assert said in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", ""])
def test_a_wrong_server_zone_is_named(zone: str) -> None:
    with pytest.raises(GovpulseError, match="unknown time zone"):
        load_mapping("racine", "sqlite", zone)
