"""What an act that PostgreSQL itself cannot read costs: an extraction into the warehouse, in times of the same without it.

Run as `python -m benchmarks.unreadable_rows [--rows N] [--repeat K]`. The mapping is racine's, but it divides by zero where an act
has one key. Each extraction is a process of its own, into a new warehouse; they take turns, so that a busy moment hits all alike.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.extraction.racine import SELECT, VIEW, make_racine, racine_server
from benchmarks.measuring import measure_child
from storage.frames import fetch
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tests.postgresql import PostgresServer

OURS = "benchmarks.extraction.govpulse"
MOST_TIMES = 2.0
DURATION = "a.execution_time_ms / 1000.0::float8"
PLACES = {"the first act": 0.0, "one in the middle": 0.5, "the last act": 1.0}
"""Where in the order of the table the act lies."""
REASON = "the database cannot read this row: division by zero"
ARRIVED = f"SELECT count(*), count(DISTINCT activity_id) FROM raw.{VIEW}"
REFUSED = "SELECT key, reason FROM ops.rejected_rows"


@dataclass(frozen=True)
class Extracted:
    """What an extraction took, how many acts and keys arrived, and what was refused."""

    seconds: float
    arrived: tuple[int, ...]
    refused: list[tuple[str, ...]]


def key_at(server: PostgresServer, rows: int, share: float) -> str:
    with server.connect(f"racine_{rows}") as con:
        found = con.execute(f"SELECT id FROM racine_activities ORDER BY ctid OFFSET {round(share * (rows - 1))} LIMIT 1").fetchone()
    assert found is not None
    return str(found[0])


def extract(url: str, folder: Path, unreadable: str) -> Extracted:
    """Extract all acts; the one with the key `unreadable`, if there is any, divides by zero."""
    if DURATION not in SELECT:
        raise RuntimeError(f"racine's SELECT does not say {DURATION} any more")
    (folder / f"{VIEW}.sql").write_text(SELECT.replace(DURATION, f"{DURATION} / (a.id <> '{unreadable}')::integer"))
    with tempfile.TemporaryDirectory() as home:
        figure = measure_child(OURS, "loaded", url, home, str(folder), "1" if unreadable else "0")
        assert figure is not None
        with warehouse(Home(Path(home)), Limits()) as con:
            return Extracted(figure.seconds, fetch(con, ARRIVED).row(0), fetch(con, REFUSED).rows())


def measure(rows: int, repeats: int) -> tuple[dict[str, list[Extracted]], dict[str, str]]:
    """By place what each extraction gave, with that of no place first, and the keys of the places."""
    found: dict[str, list[Extracted]] = {}
    with racine_server() as server, tempfile.TemporaryDirectory() as folder:
        url = make_racine(server, rows)
        keys = {"": ""} | {place: key_at(server, rows, share) for place, share in PLACES.items()}
        for _ in range(repeats):
            for place, key in keys.items():
                found.setdefault(place, []).append(extract(url, Path(folder), key))
                print(f"{place or 'all readable'}: {found[place][-1].seconds:.2f} s", file=sys.stderr)
    return found, keys


def judge(rows: int, found: Mapping[str, Sequence[Extracted]], keys: Mapping[str, str]) -> bool:
    """Print every bar and whether it holds; returns whether all do."""
    seconds = {place: median(one.seconds for one in extracted) for place, extracted in found.items()}
    print(f"{rows:,} acts, all of them readable: {seconds['']:.2f} s")
    verdicts = []
    for place in PLACES:
        times, expected = seconds[place] / seconds[""], ((rows - 1, rows - 1), [(keys[place], REASON)])
        wrong = [one for one in found[place] if (one.arrived, one.refused) != expected]
        verdicts.append(times <= MOST_TIMES and not wrong)
        said = f"{place} is not: {seconds[place]:.2f} s, {times:.2f} times, at most {MOST_TIMES:g}"
        print(f"{'ok    ' if verdicts[-1] else 'BROKEN'} {said}; {wrong or 'it is refused, all others are in'}")
    return all(verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000, help="acts in the database; the full run has 5000000")
    parser.add_argument("--repeat", type=int, default=1, help="how often; the median counts")
    options = parser.parse_args()
    sys.exit(not judge(options.rows, *measure(options.rows, options.repeat)))


if __name__ == "__main__":
    main()
