"""What it costs to evaluate many rules over many subjects and to route what fires by 30 routes, and how it grows.

Run as `python -m benchmarks.alerting [--rules N] [--subjects N]`. Each rule's SELECT yields a value for every subject; one in two
hundred is beyond its threshold, so that with 200 rules as many alerts stand as there are subjects. Timed are a first evaluation, in
which all of these fire, and the second, in which they stand and a tenth of them has ended. Counted are CPU seconds, with one
thread of DuckDB, for others may work on the machine. What the SELECTs alone take is said, too: they are as dear as people make
them. Exits with 1 where a bar is broken; with fewer subjects than by default how it grows has none, for so short times
scatter.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bars import Bar
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse
from tasks.alerts.engine import evaluate_on
from tasks.alerts.rule import Rule
from tasks.matchers import Matcher
from tasks.routes import Recipients, Route

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = timedelta(minutes=5)
LEAST = {"ops": "warning", "pager": "critical"}
ROUTES = tuple(
    Route(
        f"team {number}",
        (Matcher("rule", "=~", f"rule_.*{number:02}"), Matcher("subject", "!~", "test-.*")),
        tuple(LEAST),
        number % 2 == 0,
    )
    for number in range(30)
)
CHANNELS = Recipients(LEAST, ROUTES)
SUBJECTS = 50_000
MOST_SECONDS = 10.0
MOST_GROWTH = 1.3
"""Of the time a subject, from half of the subjects to all of them."""
SAMPLES = """
CREATE TABLE main.samples AS
SELECT 'host-' || subject AS host, subject, TIMESTAMPTZ '2026-03-10 12:00:00+00' - to_minutes(minute) AS observed_at,
       hash(subject, minute) % 1000 / 1000.0 AS value
FROM range($subjects) AS subjects(subject), range(3) AS minutes(minute)
"""


@dataclass(frozen=True)
class Figure:
    """Of so many subjects: CPU seconds of the SELECTs alone, of the first evaluation and of the second, and how many alerts stood
    after each."""

    subjects: int
    select_seconds: float
    first_seconds: float
    second_seconds: float
    first_firing: int
    second_firing: int


def rules(count: int) -> list[Rule]:
    """Each sees every subject, and other ones of them beyond its threshold; later a tenth of these is well again."""
    sql = """
        SELECT host AS subject, avg(value) + if(any_value(subject) % 200 = {number} % 200
          AND NOT ($as_of > TIMESTAMPTZ '2026-03-10 12:01:00+00' AND any_value(subject) % 2000 < 200), 10, 0) AS value
        FROM main.samples WHERE observed_at <= $as_of GROUP BY host
    """
    return [Rule(f"rule_{number}", sql.format(number=number), warning=5, critical=10.9) for number in range(count)]


def measure(count: int, subjects: int) -> Figure:
    """Two evaluations on a warehouse of their own."""
    with tempfile.TemporaryDirectory() as folder, warehouse(Home(Path(folder)), Limits(10.0, 1, "2GB")) as con:
        con.execute(SAMPLES, {"subjects": subjects})
        started = time.process_time()
        for rule in rules(count):
            con.execute(f"SELECT * FROM ({rule.sql}) WHERE value >= 5", {"as_of": AS_OF}).to_arrow_table()
        selects = time.process_time() - started
        seconds: list[float] = []
        firing: list[int] = []
        for as_of in (AS_OF, AS_OF + LATER):
            started = time.process_time()
            result = evaluate_on(con, rules(count), CHANNELS, as_of)
            seconds.append(time.process_time() - started)
            firing.append(result.firing)
            assert not result.failures, result.failures[0]
    return Figure(subjects, selects, seconds[0], seconds[1], firing[0], firing[1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--subjects", type=int, default=SUBJECTS)
    asked = parser.parse_args(arguments)
    measure(5, 1000)
    half, full = measure(asked.rules, asked.subjects // 2), measure(asked.rules, asked.subjects)
    for figure in (half, full):
        print(
            f"{asked.rules} rules x {figure.subjects:,} subjects: {figure.first_seconds:.2f} s, {figure.first_firing:,} fire;"
            f" {figure.second_seconds:.2f} s, {figure.second_firing:,} go on; the SELECTs alone {figure.select_seconds:.2f} s"
        )
    growth = [full.first_seconds / half.first_seconds / 2, full.second_seconds / half.second_seconds / 2]
    bars = [
        Bar("CPU seconds of an evaluation in which all that is wrong fires", full.first_seconds, MOST_SECONDS, is_most=True),
        Bar("CPU seconds of the next", full.second_seconds, MOST_SECONDS, is_most=True),
    ]
    if asked.subjects >= SUBJECTS:
        bars += [
            Bar("seconds a subject, times those with half of the subjects", growth[0], MOST_GROWTH, is_most=True),
            Bar("the same of the next", growth[1], MOST_GROWTH, is_most=True),
        ]
    print("", *bars, sep="\n")
    return 0 if all(bar.holds() for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
