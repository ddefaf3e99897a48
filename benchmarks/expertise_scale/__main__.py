"""What expertise_scores costs over N acts, in times of the bare aggregation; and an hour later, with a hundredth of new acts.

Run as `python -m benchmarks.expertise_scale [--rows N]`. Every measurement is a process of its own, so that its peak memory is its
own.
The hour is computed twice, with the sums that are carried and from scratch, and the two must agree.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bars import Bar
from benchmarks.expertise_scale.computing import AS_OF, NEXT_HOUR
from benchmarks.measuring import Figure, measure_child
from storage.home import Home
from storage.limits import Limits
from storage.warehouse import warehouse

FULL_ROWS = 100_000_000
BATCH_ROWS = 10_000_000
BEGAN_AT = datetime(2024, 1, 1, tzinfo=UTC)
MOST_TIMES_BARE, MOST_OF_SCRATCH, MOST_MB, MOST_DIFFERENCE = 2.0, 0.1, 4000.0, 1e-9
NUMBERS = ("knowledge", "knowledge_share", "availability", "availability_share", "presence", "success_rate_low")


def make(home: Path, first: int, count: int, start: datetime, end: datetime) -> None:
    """`count` acts numbered from `first`, evenly from `start` to `end`, in batches."""
    sql, step = Path(__file__).with_name("rows.sql").read_text(), (end - start) / count
    for done in range(0, count, BATCH_ROWS):
        rows = min(BATCH_ROWS, count - done)
        begin = f"TIMESTAMPTZ '{(start + done * step).isoformat()}'"
        with warehouse(Home(home), Limits(memory="4GB")) as con:
            con.execute("SET preserve_insertion_order = false")
            con.execute(with_values(sql, first=first + done, count=rows, start=begin, seconds=(rows * step).total_seconds()))


def with_values(sql: str, **values: object) -> str:
    for name, value in values.items():
        sql = sql.replace(f"${name}", str(value))
    return sql


def measure(step: str, home: Path) -> Figure:
    figure = measure_child("benchmarks.expertise_scale.computing", step, str(home))
    assert figure is not None
    print(f"{step}: {figure.seconds:.2f} s", file=sys.stderr)
    return figure


def keep(home: Path, name: str) -> None:
    """Set the scores aside, to compare them with others."""
    with warehouse(Home(home)) as con:
        con.execute(f"CREATE OR REPLACE TABLE state.{name} AS FROM insights.expertise_scores")


def forget_sums(home: Path) -> None:
    with warehouse(Home(home)) as con:
        con.execute("DELETE FROM state.expertise")


def difference(home: Path) -> tuple[int, float]:
    """Of the two that were kept: rows that only one has or that rank differently, and the greatest difference in any number."""
    apart = ", ".join(f"max(abs(coalesce(a.{name}, 0) - coalesce(b.{name}, 0)))" for name in NUMBERS)
    same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in ("user_id", "knowledge_rank", "availability_rank"))
    with warehouse(Home(home)) as con:
        alone, most = con.execute(
            f"SELECT count(*) FILTER (WHERE NOT ({same})), greatest({apart})"
            " FROM state.carried AS a FULL JOIN state.scratch AS b ON a.domain = b.domain AND a.user_id = b.user_id"
        ).fetchall()[0]
        con.execute("DROP TABLE state.carried; DROP TABLE state.scratch")
    return int(alone), float(most)


def run(home: Path, rows: int) -> bool:
    """Measure, print, judge."""
    print(f"making {rows:,} acts", file=sys.stderr)
    make(home, 0, rows, BEGAN_AT, AS_OF)
    figures = {step: measure(step, home) for step in ("bare", "from scratch")}
    make(home, rows, rows // 100, AS_OF, NEXT_HOUR)
    figures |= {step: measure(step, home) for step in ("an hour later", "the view, read whole")}
    keep(home, "carried")
    forget_sums(home)
    figures["an hour later, from scratch"] = measure("an hour later", home)
    keep(home, "scratch")
    show(rows, figures)
    return judge(rows, figures, *difference(home))


def show(rows: int, figures: dict[str, Figure]) -> None:
    print(f"\n{rows:,} acts{'rows':>32}{'seconds':>9}{'x bare':>8}{'CPU s':>8}{'peak MB':>9}")
    for step, figure in figures.items():
        times = figure.seconds / figures["bare"].seconds
        line = f"{figure.rows or 0:>14,}{figure.seconds:>9.2f}{times:>8.2f}{figure.cpu_seconds:>8.2f}{figure.peak_mb or 0:>9.0f}"
        print(f"{step:28}{line}")


def judge(rows: int, figures: dict[str, Figure], alone: int, most: float) -> bool:
    """Print every bar and whether it holds. Times are judged at the full size only, where what each step costs anyway is little."""
    bars = [Bar("rows that differ", alone, 0, is_most=True), Bar("greatest difference", most, MOST_DIFFERENCE, is_most=True)]
    if rows >= FULL_ROWS:
        seconds = {step: figure.seconds for step, figure in figures.items()}
        of_scratch = seconds["an hour later"] / seconds["an hour later, from scratch"]
        peak = max(figure.peak_mb or 0.0 for step, figure in figures.items() if step != "bare")
        bars += [
            Bar("from scratch, times bare", seconds["from scratch"] / seconds["bare"], MOST_TIMES_BARE, is_most=True),
            Bar("an hour later, of from scratch", of_scratch, MOST_OF_SCRATCH, is_most=True),
            Bar("MB at most", peak, MOST_MB, is_most=True),
        ]
    print("", *bars, sep="\n")
    return all(bar.holds() for bar in bars)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help=f"acts; the full run has {FULL_ROWS}")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not run(Path(folder), rows))


if __name__ == "__main__":
    main()
