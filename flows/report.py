"""What a run reports, and how the Prefect UI shows it."""

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from storage.errors import GovpulseError
from storage.home import Home
from storage.load_result import LoadResult
from storage.markdown import in_markdown, without_markdown
from tasks.boards import finding_board
from tasks.plots.gallery import kept

SAMPLE = ", sample data"
SHOWN_FILES = 200
NO_PLOTS = "Nothing to plot: no anomaly in the last 24 hours, no filesystem that will be full within 30 days."
SAMPLE_NOTE = "The source is the built-in **sample** database: made-up rows, not your platform."


@dataclass(frozen=True)
class Report:
    """What a run did: the results of its steps in order, and its failures by step."""

    flow: str
    as_of: datetime
    is_sample: bool
    results: dict[str, Any]
    failures: dict[str, str]


def loaded(report: Report) -> LoadResult:
    """All that the run loaded."""
    return sum((result for result in report.results.values() if isinstance(result, LoadResult)), LoadResult())


def files_table(result: LoadResult) -> pl.DataFrame:
    """What became of the rows of somebody's files: totals by dataset, then the files of which something did not come in."""
    totals = [(dataset, "all files", counts) for dataset, counts in sorted(result.datasets.items())]
    lossy = [(dataset, file, counts) for (dataset, file), counts in result.lossy.items()]
    return pl.DataFrame(
        [
            (dataset, file, counts.offered, counts.accepted, counts.rejected, counts.skipped)
            for dataset, file, counts in [*totals, *lossy[:SHOWN_FILES]]
        ],
        schema=dict.fromkeys(("dataset", "file"), pl.String)
        | dict.fromkeys(("offered", "accepted", "rejected", "skipped"), pl.Int64),
        orient="row",
    )


class RunFailedError(GovpulseError):
    """At least one step failed. Carries the report of all of them."""

    def __init__(self, report: Report) -> None:
        super().__init__("; ".join(f"{step}: {said}" for step, said in report.failures.items()))
        self.report = report


def as_markdown(report: Report) -> str:
    """One table of steps and results, the failures above it."""
    lines = [f"# {report.flow}", "", f"as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC", ""]
    lines += [SAMPLE_NOTE, ""] if report.is_sample else []
    if report.failures:
        lines += ["| failed | why |", "|---|---|", *(_row(step, why) for step, why in report.failures.items()), ""]
    lines += ["| step | result |", "|---|---|"]
    lines += [_row(step, str(result)) for step, result in report.results.items()]
    return "\n".join(lines)


def what_to_do(home: str) -> str:
    """Every finding that lasts, with what to do about it: sentences, which a table would cut off."""
    findings = finding_board(home)
    lines = ["# What to do", "", "Nothing was found." if findings.is_empty() else ""]
    for finding in findings.iter_rows(named=True):
        since = f"{finding['kind']}, since {finding['started_at']:%Y-%m-%d %H:%M} UTC"
        lines += [
            f"**{finding['severity']}**: {in_markdown(finding['statement'])}  ",
            f"*{since}{SAMPLE * finding['is_sample']}*",
            "",
        ]
        lines += [f"> {in_markdown(finding['recommendation'])}", ""]
    return "\n".join(lines)


def plots(home: str) -> str:
    """The pictures that were drawn last, within the page: whoever reads it needs no file."""
    lines = ["# Plots", ""]
    drawn = kept(Home(Path(home)).plots)
    for plot in drawn:
        heading, picture = in_markdown(plot.caption.heading), base64.b64encode(plot.png).decode()
        lines += [
            f"## {heading}",
            "",
            in_markdown(plot.caption.sentence),
            "",
            f"![{heading}](data:image/png;base64,{picture})",
            "",
        ]
    return "\n".join(lines if drawn else [*lines, NO_PLOTS])


def artifact_rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table artifact: instants and numbers as people read them, and texts, of which the older of Prefect's UIs takes
    cells for Markdown, the newer for text."""
    readable = rows.with_columns(pl.col(pl.Datetime).dt.strftime("%Y-%m-%d %H:%M"), pl.col(pl.Float64).round_sig_figs(4))
    return [
        {name: without_markdown(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
        for row in readable.iter_rows(named=True)
    ]


def _row(*cells: str) -> str:
    return "| " + " | ".join(in_markdown(cell) for cell in cells) + " |"
