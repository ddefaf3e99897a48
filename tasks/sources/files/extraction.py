"""A folder of files in the contract's shape -> landing files. A file is read once; one that changes is another file."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.errors import GovpulseError
from storage.home import Home
from storage.intake.ledger import is_recorded
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import Extraction, ExtractResult
from tasks.sources.files.finding import file_stem, find_files
from tasks.sources.files.landed_file import land_file
from tasks.sources.files.pieces import LandedRows
from tasks.sources.mapping import zone_named


def find_folder(address: Address) -> Path:
    """The folder at `address`.

    Raises:
        GovpulseError: there is none.
    """
    if not Path(address.path).is_dir():
        raise GovpulseError(f"the folder {address} does not exist; set [source] url")
    return Path(address.path)


def find_new(home: Home, limits: Limits, files: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """The files of each dataset whose end has neither been loaded nor waits to be."""
    with warehouse(home, limits) as con:
        return {
            dataset: [path for path in paths if not is_recorded(con, f"{dataset}/{file_stem(path)}-end.parquet")]
            for dataset, paths in files.items()
        }


@task(name="extract_files", cache_policy=NO_CACHE)
def extract_files(home: str, *, limits: Limits, source: Source) -> Extraction:
    """Land the files of a folder that have not been read yet. A file that cannot be read is a failure of its own.

    Raises:
        GovpulseError: the folder does not exist.
    """
    folder = find_folder(source.address)
    found, results, failures = find_files(folder, source.file_patterns), [], {}
    zone = zone_named("[source] timezone", source.server_zone)
    for dataset, paths in find_new(Home(Path(home)), limits, found.files).items():
        landed = LandedRows()
        for path in paths:
            inside = str(path.relative_to(folder))
            try:
                landed += land_file(
                    Home(Path(home)),
                    dataset,
                    path,
                    source=source.name,
                    name=file_stem(path),
                    origin=inside,
                    zone=zone,
                    zero_days=source.zero_days,
                    pseudonyms=source.pseudonyms,
                )
            except GovpulseError as error:
                failures[inside] = str(error)
        results.append(ExtractResult(dataset, landed.rows, landed.files, None))
    return Extraction(tuple(results), failures, str(found) or None)
