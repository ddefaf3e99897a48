"""The operator's own file of aliases -> landing files of `people`, as all that it says: what it lacks is not so any more."""

from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.home import Home
from storage.intake.ledger import is_recorded, last_seen
from storage.intake.listings import ALIASES
from storage.limits import Limits
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from storage.warehouse import warehouse
from tasks.sources.files.finding import file_stem
from tasks.sources.files.landed_file import land_file
from tasks.sources.progress import SourceProgress
from tasks.wording import counted


@task(name="read_aliases", cache_policy=NO_CACHE)
def read_aliases(home: str, *, limits: Limits, path: str, seen_at: datetime, pseudonyms: Pseudonyms = AS_THEY_ARE) -> str:
    """Land the file at `path` where it has changed.

    Args:
        pseudonyms: what becomes of ids that are mail addresses.

    Raises:
        GovpulseError: it is missing, or cannot be read.
    """
    folder, stem = Home(Path(home)), file_stem(Path(path))
    with warehouse(folder, limits) as con:
        if is_recorded(con, f"people/{stem}-end.parquet"):
            return "as before"
        seen_at = SourceProgress({}, last_seen(con, ALIASES)).seen_at(seen_at)
    landed = land_file(folder, "people", Path(path), source=ALIASES, name=stem, listed_at=seen_at, pseudonyms=pseudonyms)
    return f"{counted(landed.rows, 'row')} of {path}"
