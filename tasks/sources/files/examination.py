"""The newest file of each dataset in a folder, held against the contract before it is read."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from storage.errors import GovpulseError
from tasks.sources.database.opening import Source
from tasks.sources.examination import LOOKED_AT_ROWS, Examination, judge
from tasks.sources.files.landed_file import peek
from tasks.sources.mapping import zone_named


def examine_files(source: Source, folder: Path, files: Mapping[str, list[Path]], now: datetime) -> Iterator[Examination]:
    """A dataset each: the first thousand rows of the file that changed last.

    Raises:
        GovpulseError: there is no such time zone as the settings name.
    """
    zone = zone_named("[source] timezone", source.server_zone)
    for dataset, paths in files.items():
        newest = max(paths, key=lambda path: path.stat().st_mtime_ns)
        inside = str(newest.relative_to(folder))
        try:
            rows = peek(newest, dataset, LOOKED_AT_ROWS, origin=inside, zone=zone, zero_days=source.zero_days)
        except GovpulseError as error:
            yield Examination(dataset, inside, (str(error),), (), 0, pl.DataFrame())
        else:
            yield judge(dataset, inside, pl.DataFrame(pl.from_arrow(rows)), now)
