"""A mapping: a folder of SELECTs, one a dataset, that turn a platform's own schema into the contract's columns.

`<dataset>.<dialect>.sql` goes before `<dataset>.sql`. `mapping.toml` says in which time zone the timestamps without a zone are,
typed or in a text: a name like `UTC`, or `server` for the zone that the settings give, by dataset or by `"dataset.column"`.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.catalogue import DATASETS, GOVERNANCE
from storage.errors import GovpulseError
from storage.instants import ZERO_DAYS

SHIPPED = Path(__file__).parent / "mappings"


@dataclass(frozen=True)
class Mapping:
    """One platform's SELECTs for one dialect of SQL.

    Attributes:
        zones: by dataset, and by `dataset.column` where one differs.
        zero_days: whose midnights are no instants.
    """

    name: str
    selects: dict[str, Path]
    zones: dict[str, ZoneInfo]
    zero_days: tuple[date, ...] = ZERO_DAYS

    @property
    def datasets(self) -> tuple[str, ...]:
        """What it offers, in the contract's order."""
        return tuple(self.selects)

    def select(self, dataset: str) -> str:
        return self.selects[dataset].read_text().strip().rstrip(";")

    def file(self, dataset: str) -> str:
        """The SELECT's file, as messages name it."""
        return f"{self.selects[dataset].parent.name}/{self.selects[dataset].name}"

    def zones_of(self, dataset: str) -> dict[str, ZoneInfo]:
        """By column of instants the zone of those that say none."""
        return {name: self.zones.get(f"{dataset}.{name}", self.zones[dataset]) for name in instant_columns(dataset)}

    def check_columns(self, dataset: str, found: list[str]) -> None:
        """Refuse a SELECT that lacks columns.

        Raises:
            GovpulseError: names file and columns.
        """
        missing = [name for name in contract_columns(dataset) if name not in found]
        if missing:
            raise GovpulseError(f"mapping {self.file(dataset)} does not yield {', '.join(missing)}")


def contract_columns(dataset: str) -> list[str]:
    """What a SELECT of `dataset` must yield; where rows come from and whether they are gone is not for it to say."""
    return [name for name in DATASETS[dataset].column_names if name not in ("source", "extracted_at", "is_deleted")]


def instant_columns(dataset: str) -> list[str]:
    types = {column.name: column.type for column in DATASETS[dataset].columns}
    return [name for name in contract_columns(dataset) if types[name] == "TIMESTAMPTZ"]


def load_mapping(name: str, dialect: str, server_zone: str, zero_days: tuple[date, ...] = ZERO_DAYS) -> Mapping:
    """The shipped mapping `name`, or the one in the folder that `name` is the path of.

    Raises:
        GovpulseError: there is no such mapping, it has no SELECT, or it names an unknown time zone.
    """
    shipped = sorted(path.name for path in SHIPPED.iterdir() if (path / "mapping.toml").exists())
    folder = Path(name) if "/" in name else SHIPPED / name
    if not folder.is_dir() or ("/" not in name and name not in shipped):
        raise GovpulseError(f"no mapping {name}: give one of {', '.join(shipped)}, or the path of a folder with your own SELECTs")
    selects = {dataset: path for dataset in GOVERNANCE if (path := _select_file(folder, dataset, dialect))}
    if not selects:
        raise GovpulseError(f"mapping {folder} has none of {', '.join(f'{dataset}.sql' for dataset in GOVERNANCE)}")
    return Mapping(folder.name, selects, _zones(folder, server_zone), zero_days)


def _select_file(folder: Path, dataset: str, dialect: str) -> Path | None:
    candidates = (folder / f"{dataset}.{dialect}.sql", folder / f"{dataset}.sql")
    return next((path for path in candidates if path.exists()), None)


def _zones(folder: Path, server_zone: str) -> dict[str, ZoneInfo]:
    path = folder / "mapping.toml"
    declared = dict.fromkeys(GOVERNANCE, "UTC") | _declared(path)
    return {
        place: zone_named("[source] timezone", server_zone) if name == "server" else zone_named(f"{path}: {place}", name)
        for place, name in declared.items()
    }


def _declared(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise GovpulseError(f"{path}: {error}") from error
    zones = document.get("timezones", {})
    if not isinstance(zones, dict):
        raise GovpulseError(f"{path}: timezones must be a table, [timezones]")
    columns = {f"{dataset}.{name}" for dataset in GOVERNANCE for name in instant_columns(dataset)}
    unknown = sorted((set(document) - {"timezones"}) | (set(zones) - set(GOVERNANCE) - columns))
    if unknown:
        known = f'[timezones] may name {", ".join(GOVERNANCE)}, or a column of instants like "scans.finished_at"'
        raise GovpulseError(f"{path}: unknown key {unknown[0]}; {known}")
    return zones


def zone_named(where: str, name: Any) -> ZoneInfo:
    """The zone `name`, which stands at `where`.

    Raises:
        GovpulseError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise GovpulseError(f"{where}: unknown time zone {name!r}; use a name like Europe/Berlin") from error
