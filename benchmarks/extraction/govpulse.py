"""One extraction of ours, in a process of its own: `landed|loaded URL HOME [MAPPING REFUSED]`. As flows/sources.py does it, without
Prefect's engine.

`landed` ends when the last landing file is durable, `loaded` when the last commit is done and the warehouse closed. REFUSED is how
many rows must have been refused.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from threading import Event

from benchmarks.measuring import report
from storage.limits import Limits
from tasks.loading import load_as_landed, load_landed
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import SourceProgress, name_source, read_progress

OVERLAP_SECONDS = 300.0


def land(source: Source, home: str, standing: SourceProgress) -> int:
    """Read what is new and land it; returns how many rows."""
    extraction = extract_datasets.fn(
        home,
        source=source,
        so_far=standing,
        overlap_seconds=OVERLAP_SECONDS,
        extracted_at=datetime.now(UTC),
        report=lambda _: None,
    )
    if extraction.failures:
        raise RuntimeError(str(extraction.failures))
    return sum(result.rows for result in extraction.results)


def load(source: Source, home: str, refused: int = 0) -> int:
    """The same, loaded beside it and to the end."""
    done = Event()
    standing = read_progress.fn(home, limits=Limits(), source=source.name)
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load_as_landed.fn, home, limits=Limits(), until=done)
        try:
            rows = land(source, home, standing)
        finally:
            done.set()
        loaded = loading.result() + load_landed.fn(home, limits=Limits())
    if loaded.rows != rows or loaded.rejected != refused or loaded.quarantined:
        raise RuntimeError(f"{rows:,} rows were read, and {loaded}")
    return rows


def main() -> None:
    action, url, home, mapping, refused = [*sys.argv[1:], "racine", "0"][:5]
    address = Address(url.partition(":")[0], url)
    source = Source(name_source(mapping, address), address, mapping)
    report({"landed": partial(land, source, home, SourceProgress({})), "loaded": partial(load, source, home, int(refused))}[action])


if __name__ == "__main__":
    main()
