"""Looks at a fleet as an operator would, again and again, and scores what insights.active_scans says against the truth."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import polars as pl

from storage.catalogue import DATASETS
from storage.frames import registered
from storage.migrations import migrate
from storage.warehouse import connect
from tasks.insights.active_scans import ACTIVE_SCANS, judge
from tasks.insights.macros import define_macros
from tests.scan_fleets import BEGIN, DAY, HOUR


@dataclass
class Score:
    """What came of watching: scans by id, and cases, each a live scan seen at one instant.

    Attributes:
        flagged: when a scan was first said to be dead; `after_4_hours` and `after_24_hours`: when it had run so long.
        wrongly: of those, and so on, the ids of the scans that were alive.
        due: the dead whose 99th percentile was passed by an hour while watching, with that instant.
        live: cases; `with_interval`, and `covered`, in which it held the true finish; queued and running ones.
    """

    flagged: dict[str, datetime] = field(default_factory=dict)
    after_4_hours: dict[str, datetime] = field(default_factory=dict)
    after_24_hours: dict[str, datetime] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    due: dict[str, datetime] = field(default_factory=dict)
    live: int = 0
    with_interval: int = 0
    covered: int = 0

    def precision(self, flagged: dict[str, datetime]) -> float:
        """The share of the scans ever flagged that are dead; NaN if none was."""
        return len(flagged.keys() & self.dead) / len(flagged) if flagged else float("nan")

    def recall(self, flagged: dict[str, datetime]) -> float:
        """The share of the due that were flagged in time; NaN if none was due."""
        found = sum(flagged[scan] <= until for scan, until in self.due.items() if scan in flagged)
        return found / len(self.due) if self.due else float("nan")

    @property
    def coverage(self) -> float:
        return self.covered / self.with_interval if self.with_interval else float("nan")

    def add(self, other: "Score", prefix: str) -> None:
        """Take in what came of watching another fleet, whose ids are told apart by the prefix."""
        for mine, theirs in ((self.flagged, other.flagged), (self.after_4_hours, other.after_4_hours),
                             (self.after_24_hours, other.after_24_hours), (self.due, other.due)):  # fmt: skip
            mine.update({prefix + scan: at for scan, at in theirs.items()})
        self.dead |= {prefix + scan for scan in other.dead}
        self.live, self.with_interval, self.covered = (
            self.live + other.live, self.with_interval + other.with_interval, self.covered + other.covered)  # fmt: skip


def watch(fleet: pl.DataFrame, begin: datetime, days: int, every: timedelta) -> Score:
    """Compute the table again and again through the insight's SQL; only scans asked for while watching are scored."""
    end = begin + timedelta(days=days)
    score = Score(
        dead=set(fleet.filter(pl.col("fate").is_in(["dead", "lost"]))["scan_id"]),
        due=dict(_due(fleet).filter(pl.col("queued_at") >= begin, pl.col("due_at") < end).select("scan_id", "due_at").iter_rows()),
    )
    with _warehouse(fleet) as con:
        for as_of in _instants_until(begin, end, every):
            table = judge(ACTIVE_SCANS.read(con, {"as_of": as_of, "window_days": 90, "queue_bound_seconds": 604_800.0}))
            _score(
                score,
                table.filter(pl.col("queued_at") >= begin).join(fleet.select("scan_id", "fate", ends="finished_at"), on="scan_id"),
            )
    return score


def _due(fleet: pl.DataFrame) -> pl.DataFrame:
    seconds = pl.duration(microseconds=((pl.col("p99_seconds") + HOUR) * 1e6).cast(pl.Int64))
    return fleet.filter(pl.col("fate") == "dead").with_columns(due_at=pl.col("started_at") + seconds)


def _instants_until(begin: datetime, end: datetime, every: timedelta) -> Iterable[datetime]:
    return (begin + number * every for number in range((end - begin) // every))


def _warehouse(fleet: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    con = connect()
    migrate(con, BEGIN)
    define_macros(con)
    columns = [name for name in DATASETS["scans"].column_names if name in fleet.columns]
    with registered(con, "fleet", fleet.select(columns)):
        con.execute("INSERT INTO raw.scans BY NAME SELECT *, false AS is_deleted FROM fleet")
    return con


def _score(score: Score, seen: pl.DataFrame) -> None:
    is_running = pl.col("status") == "running"
    flags = (
        (score.flagged, pl.col("verdict") == "probably_dead"),
        (score.after_4_hours, is_running & (pl.col("elapsed_seconds") > 4 * HOUR)),
        (score.after_24_hours, is_running & (pl.col("elapsed_seconds") > DAY)),
    )
    for flagged, condition in flags:
        for scan, as_of in seen.filter(condition).select("scan_id", "as_of").iter_rows():
            flagged.setdefault(scan, as_of)
    live = seen.filter(~pl.col("fate").is_in(["dead", "lost"]))
    known = live.filter(pl.col("finish_high_at").is_not_null())
    score.live += live.height
    score.with_interval += known.height
    score.covered += known.filter(pl.col("ends").is_between("finish_low_at", "finish_high_at")).height
