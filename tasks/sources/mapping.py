"""A mapping: a folder of SELECTs, one a dataset, that turn a platform's own schema into the contract's columns.

`<dataset>.<dialect>.sql` goes before `<dataset>.sql`. `mapping.toml` says in which time zone the timestamps without a zone are,
typed or in a text: a name like `UTC`, or `server` for the zone that the settings give, by dataset or by `"dataset.column"`. It also
says for how many days the source keeps a dataset's rows.
"""

import math
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.catalogue import DATASETS, GOVERNANCE
from storage.errors import GovpulseError
from storage.instants import ZERO_DAYS

TABLES = ("timezones", "kept_days")
"""Of mapping.toml."""
ONLY_GROWS = math.inf
"""As kept_days: what is no longer there left for another reason than that somebody deleted it."""
SHIPPED = Path(__file__).parent / "mappings"


@dataclass(frozen=True)
class Mapping:
    """One platform's SELECTs for one dialect of SQL.

    Attributes:
        zones: by dataset, and by `dataset.column` where one differs.
        zero_days: whose midnights are no instants.
        kept_days: by dataset for how many days the source keeps its rows; infinite where it only ever adds some.
    """

    name: str
    selects: dict[str, Path]
    zones: dict[str, ZoneInfo]
    zero_days: tuple[date, ...] = ZERO_DAYS
    kept_days: dict[str, float] = field(default_factory=dict)

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

    def kept_since(self, dataset: str, now: datetime) -> datetime | None:
        """Since when every row must still be at the source; None: however old it is."""
        days = self.kept_days.get(dataset)
        if days is None:
            return None
        return now if days == ONLY_GROWS else now - timedelta(days=days)

    def check_columns(self, dataset: str, found: list[str]) -> None:
        """Refuse a SELECT that lacks columns.

        Raises:
            GovpulseError: names file and columns.
        """
        optional = {column.name for column in DATASETS[dataset].columns if column.is_optional}
        missing = [name for name in contract_columns(dataset) if name not in found and name not in optional]
        if missing:
            raise GovpulseError(f"mapping {self.file(dataset)} does not yield {', '.join(missing)}")


def contract_columns(dataset: str) -> list[str]:
    """What a SELECT of `dataset` may yield; where rows come from and whether they are gone is not for it to say."""
    return [name for name in DATASETS[dataset].column_names if name not in ("source", "extracted_at", "is_deleted")]


def offered_columns(dataset: str, found: Collection[str]) -> list[str]:
    """Of them those that a SELECT yields."""
    return [name for name in contract_columns(dataset) if name in found]


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
        raise GovpulseError(
            f"unknown mapping {name}: give one of {', '.join(shipped)}, or the path of a folder with your own SELECTs"
        )
    selects = {dataset: path for dataset in GOVERNANCE if (path := _select_file(folder, dataset, dialect))}
    if not selects:
        raise GovpulseError(f"mapping {folder} has none of {', '.join(f'{dataset}.sql' for dataset in GOVERNANCE)}")
    declared = _declared(folder / "mapping.toml")
    zones = _zones(folder / "mapping.toml", declared.get("timezones", {}), server_zone)
    return Mapping(folder.name, selects, zones, zero_days, _kept_days(folder / "mapping.toml", declared.get("kept_days", {})))


def _select_file(folder: Path, dataset: str, dialect: str) -> Path | None:
    candidates = (folder / f"{dataset}.{dialect}.sql", folder / f"{dataset}.sql")
    return next((path for path in candidates if path.exists()), None)


def _zones(path: Path, declared: dict[str, Any], server_zone: str) -> dict[str, ZoneInfo]:
    columns = {f"{dataset}.{name}" for dataset in GOVERNANCE for name in instant_columns(dataset)}
    _refuse_unknown(
        path, set(declared) - set(GOVERNANCE) - columns, "[timezones]", ', or a column of instants like "scans.finished_at"'
    )
    return {
        place: zone_named("[source] timezone", server_zone) if name == "server" else zone_named(f"{path}: {place}", name)
        for place, name in (dict.fromkeys(GOVERNANCE, "UTC") | declared).items()
    }


def _kept_days(path: Path, declared: dict[str, Any]) -> dict[str, float]:
    _refuse_unknown(path, set(declared) - set(GOVERNANCE), "[kept_days]")
    wrong = [name for name, days in declared.items() if isinstance(days, bool) or not isinstance(days, int | float) or not days > 0]
    if wrong:
        raise GovpulseError(f"{path}: kept_days.{wrong[0]} must be a number of days, or inf if the source only ever adds rows")
    return {dataset: float(days) for dataset, days in declared.items()}


def _refuse_unknown(path: Path, unknown: set[str], table: str, more: str = "") -> None:
    if unknown:
        raise GovpulseError(f"{path}: unknown key {min(unknown)}; {table} may name {', '.join(GOVERNANCE)}{more}")


def _declared(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise GovpulseError(f"{path}: {error}") from error
    for name, table in document.items():
        if name not in TABLES:
            raise GovpulseError(f"{path}: unknown key {name}; the known ones are {' and '.join(f'[{each}]' for each in TABLES)}")
        if not isinstance(table, dict):
            raise GovpulseError(f"{path}: {name} must be a table, [{name}]")
    return document


def zone_named(where: str, name: Any) -> ZoneInfo:
    """The zone `name`, which stands at `where`.

    Raises:
        GovpulseError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise GovpulseError(f"{where}: unknown time zone {name!r}; use a name like Europe/Berlin") from error
