"""The docs page of host metrics says what the code declares, all of it and nothing else."""

import re
from pathlib import Path

from tasks.sources.host import cpu, differencing, metric, moment, processes
from tasks.sources.host.reading import METRICS

PAGE = (Path(__file__).parents[4] / "docs" / "host-metrics.md").read_text()


def cells(heading: str) -> list[tuple[str, ...]]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]


def test_every_metric_is_on_the_page_as_it_is_declared() -> None:
    declared = [
        (f"`{one.name}`", ", ".join(f"`{key}`" for key in one.attributes), f"`{one.unit}`", one.meaning, one.read_from)
        for one in METRICS
    ]
    assert cells("Metrics") == declared


def test_metric_names_are_declared_once() -> None:
    assert len({one.name for one in METRICS}) == len(METRICS)


def test_every_status_is_on_the_page() -> None:
    reasons = {
        value
        for module in (cpu, differencing, metric, moment, processes)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z_]+|unreadable: [a-z_]+", value)
    }
    assert {f"`{reason}`" for reason in reasons} | {"`unreadable: <error>`"} == {row[0] for row in cells("Status")}
