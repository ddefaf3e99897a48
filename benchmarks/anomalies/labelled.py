"""Labelled machines and server series. The data lie outside of this repository; nothing of them enters it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.anomalies.measures import Labels
from tasks.insights.detection.windows import Flags, Matrix, Series

DEFAULT_FOLDER = Path(__file__).parents[3] / "shared" / "data" / "anomaly"


@dataclass(frozen=True)
class Machine:
    """A row a metric, a column a minute: the history, then the labelled minutes right after it."""

    name: str
    metrics: tuple[str, ...]
    history: Matrix
    window: Matrix
    labels: Labels


@dataclass(frozen=True)
class Line:
    """One series with labelled windows; `is_probation` is what a detector may learn from and is not judged on."""

    name: str
    values: Series
    labels: Labels
    is_probation: Flags
    steps_a_day: int


def read_machines(folder: Path) -> list[Machine]:
    """All machines in the folder by name; none where it is not there."""
    return [_machine(path) for path in sorted(folder.glob("machine-*.parquet"))]


def read_lines(folder: Path) -> list[Line]:
    """All server series in the folder, in the file's order; none where it is not there."""
    path = folder / "nab_server.parquet"
    if not path.exists():
        return []
    return [_line(str(name), rows) for (name,), rows in pl.read_parquet(path).group_by("series", maintain_order=True)]


def _machine(path: Path) -> Machine:
    frame = pl.read_parquet(path)
    metrics = tuple(column for column in frame.columns if column[0] == "m" and column[1:].isdigit())
    train, test = (frame.filter(pl.col("split") == split) for split in ("train", "test"))
    history, window = (np.ascontiguousarray(part.select(metrics).to_numpy().T) for part in (train, test))
    return Machine(path.stem, metrics, history, window, test["label"].to_numpy().astype(np.int64))


def _line(name: str, rows: pl.DataFrame) -> Line:
    step = rows["timestamp"].diff().dt.total_seconds().median()
    return Line(
        name,
        rows["value"].to_numpy().astype(np.float64),
        rows["label"].to_numpy().astype(np.int64),
        rows["probation"].to_numpy(),
        round(86400 / float(step)),  # type: ignore[arg-type]
    )
