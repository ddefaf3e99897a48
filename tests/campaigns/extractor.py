"""What the extraction campaign kills: a process that extracts, loads while it extracts, and loads the rest, over and over.

Arguments: the folder that holds `mapping` and `home`, the source's URL. It prints a line when it is ready, and one a round.
"""

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import GovpulseError
from storage.home import Home
from storage.limits import Limits
from tasks.loading import load_as_landed, load_landed
from tasks.sources import landing_stream, slices
from tasks.sources.address import Address
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.progress import read_progress

LIMITS = Limits(lock_timeout_seconds=60.0, threads=2)
SMALL_ROWS = 4_000
"""Files and slices of this size, so that a kill meets every phase of a first extraction of a few seconds."""


def run_once(home: Home, source: Source) -> str:
    """One run as the flow does it; returns what it brought, or why it could not."""
    standing = read_progress.fn(str(home.root), limits=LIMITS, source=source.name)
    done = threading.Event()
    loading = threading.Thread(target=load_as_landed.fn, args=(str(home.root),), kwargs={"limits": LIMITS, "until": done})
    loading.start()
    try:
        now = datetime.now(UTC)
        options = {"source": source, "so_far": standing, "overlap_seconds": 1.0, "extracted_at": now}
        extraction = extract_datasets.fn(str(home.root), **options, report=lambda _: None)
    except GovpulseError as error:
        return str(error)
    finally:
        done.set()
        loading.join()
        load_landed.fn(str(home.root), limits=LIMITS)
    return "; ".join([str(extraction), *extraction.failures.values()])


def main() -> None:
    folder, url = Path(sys.argv[1]), sys.argv[2]
    landing_stream.FILE_ROWS, slices.LEAST_ROWS = SMALL_ROWS, 2 * SMALL_ROWS
    source = Source("acts", Address(url.partition(":")[0], url), str(folder / "mapping"), fallback_overlap_seconds=120.0)
    print("ready", flush=True)
    while True:
        print(run_once(Home(folder / "home"), source), flush=True)


if __name__ == "__main__":
    main()
