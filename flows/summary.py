"""A run's report as Markdown: the artifact that the Prefect UI shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.run import Report

SAMPLE_NOTE = "The source is the built-in **sample** database: made-up rows, not your platform."


def as_markdown(report: Report) -> str:
    """One table of steps and results, the failures above it."""
    lines = [f"# {report.flow}", "", f"as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC", ""]
    lines += [SAMPLE_NOTE, ""] if report.source == "sample" else []
    if report.failures:
        lines += ["| failed | why |", "|---|---|", *(_row(step, why) for step, why in report.failures.items()), ""]
    lines += ["| step | result |", "|---|---|"]
    lines += [_row(step, str(result)) for step, result in report.results.items() if result is not None]
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
