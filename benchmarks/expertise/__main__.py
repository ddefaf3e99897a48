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
from benchmarks.expertise.labelled import DEFAULT_FOLDER, OWNER, TASKS, Labelled, published, read_sets
from benchmarks.expertise.peers import FORMULA
from benchmarks.expertise.ranking import Question, ask

BEFORE = {
    "esphome": 0.935,
    "flutter_packages": 0.517,
    "helm_charts": 0.747,
    "nf_core_modules": 0.917,
    "prom_helm_charts": 0.784,
    "riot": 0.799,
}
"""What definition 1 reached for owners."""
LEAST_GAIN, TIED = 0.02, 0.001
"""Over it, on the mean of the sets; and what the order of ties makes of a set of some dozens of domains."""
PLAIN = "decayed, a co-author's whole"
MOST_OFF = 0.002


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
    """Set by set and on their mean: owners as before and better, the next no worse than the plain sum with a half-life.

    The formula that the choices are made with knows no bursts, and orders people as what is published does.
    """
    task = questions[0].task
    ours = np.array([measures.means()[-1] for measures in found[PRODUCT]])
    before = [BEFORE.get(question.name, 0.0) for question in questions]
    theirs = np.array(before if task == OWNER else [measures.means()[-1] for measures in found[PLAIN]])
    for question, mine, least in zip(questions, ours, theirs, strict=True):
        yield Bar(f"{task} {question.name}: MAP", float(mine), float(least) - TIED)
    yield Bar(f"{task}: mean MAP", float(ours.mean()), float(theirs.mean()) + (LEAST_GAIN if task == OWNER else TIED))
    off = [
        abs(question.measure(FORMULA[task](question)).means()[-1] - mine) for question, mine in zip(questions, ours, strict=True)
    ]
    yield Bar(f"{task}: MAP of the formula of the choices less that of what is published", max(off), MOST_OFF, is_most=True)


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
