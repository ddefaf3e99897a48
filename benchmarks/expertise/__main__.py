"""Whether the scores of knowledge and availability name the right people, on public repositories with declared owners.

Run as `python -m benchmarks.expertise [--data FOLDER]`. The acts go through `govpulse load` and `govpulse run`; what is
scored is the published table. Two tasks: who is a declared owner of a domain, and who acts in it in the 180 days to come. A domain
counts that has two or more candidates, some right and some not. Exits with 1 where a bar is broken, and with 0 and `not measured`
where the data are not there.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.bars import Bar
from benchmarks.expertise import choices, comparison
from benchmarks.expertise.comparison import PRODUCT, Found
from benchmarks.expertise.confidence import first_of, people_of, show_confidence, show_levels
from benchmarks.expertise.cuts import PROMISED
from benchmarks.expertise.labelled import DEFAULT_FOLDER, NEXT, OWNER, TASKS, Labelled, published, read_sets
from benchmarks.expertise.peers import FORMULA, product
from benchmarks.expertise.ranking import Question, ask

LEAST_PRECISION = {
    OWNER: {"esphome": 0.93, "helm_charts": 0.74, "prom_helm_charts": 0.78},
    NEXT: {"esphome": 0.70, "helm_charts": 0.58, "prom_helm_charts": 0.78},
}
MOST_OFF = 1e-9


def ask_all(sets: Sequence[Labelled]) -> dict[str, list[Question]]:
    """Both tasks on every set, with what the product publishes."""
    asked: dict[str, list[Question]] = {task: [] for task in TASKS}
    for labelled in sets:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            scores = published(labelled, Path(folder))
        for task in TASKS:
            asked[task].append(ask(labelled, task, scores[task]))
        print(f"{labelled.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return asked


def precision_bars(questions: Sequence[Question], found: Found) -> Iterator[Bar]:
    """Of the sets that have one; and whether the formula that the choices are made with is the published one."""
    task = questions[0].task
    for question, measures in zip(questions, found[PRODUCT], strict=True):
        if question.name in LEAST_PRECISION[task]:
            yield Bar(f"{task} {question.name}: MAP", measures.means()[-1], LEAST_PRECISION[task][question.name])
    off = [np.abs(FORMULA[task](question) - product(question)).max() for question in questions]
    yield Bar(f"{task}: the formula of the choices less what is published", float(max(off)), MOST_OFF, is_most=True)


def confidence_bars(called: pl.DataFrame, promised: Mapping[str, float]) -> Iterator[Bar]:
    """Of each class, over all domains in it; 0 where there is none."""
    for name, least in promised.items():
        right = called.filter(pl.col("called") == name)["is_right"].to_numpy()
        yield Bar(f"confidence {name}, held out, pooled", float(right.mean()) if len(right) else 0.0, least)


def run(sets: Sequence[Labelled]) -> list[Bar]:
    """Measure and print everything."""
    asked, bars = ask_all(sets), list[Bar]()
    for questions in asked.values():
        found = comparison.measure(questions)
        comparison.show(questions, found)
        bars += precision_bars(questions, found)
    for task, questions in asked.items():
        choices.show(task, choices.held_out(questions))
    people = pl.concat([people_of(*pair) for pair in zip(sets, asked[OWNER], strict=True)])
    bars += confidence_bars(show_confidence(first_of(people)), PROMISED)
    show_levels(people)
    return bars


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="where the labelled sets are")
    folder = parser.parse_args().data
    sets = read_sets(folder)
    if not sets:
        print(f"not measured: there are no labelled sets (*_meta.json) in {folder}; --data says where else to look")
        return
    bars = run(sets)
    print("", *bars, sep="\n")
    sys.exit(not all(bar.holds() for bar in bars))


if __name__ == "__main__":
    main()
