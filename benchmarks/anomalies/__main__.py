"""Whether the anomaly detector finds labelled incidents of real machines, and how fast it is.

Run as `python -m benchmarks.anomalies [--data FOLDER] [--seed N]`. Each machine's first half is its history, its second half is
scored, each minute by what precedes it. Exits with 1 where a bar is broken, and with 0 and `not measured` where the data are not
there.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.anomalies.labelled import DEFAULT_FOLDER, Machine, read_lines, read_machines
from benchmarks.anomalies.measures import Alarms, count_alarms, period, volume, within_budget
from benchmarks.anomalies.nab import judge_line, nab_score
from benchmarks.bars import Bar
from tasks.insights.detection.model import train
from tasks.insights.detection.scoring import score

FIRST_MINUTE = 29_538_720
"""Of the labelled half, since the epoch: the start of a day, 2026-03-01 UTC."""
HOSTS_AT_ONCE = 2


@dataclass(frozen=True)
class Result:
    name: str
    missing: int
    volume: float
    own: Alarms
    budget: Alarms
    trained_in: float
    scored_in: float


def measure(machine: Machine, seed: int, is_forest_on: bool) -> Result:
    """Train on the history, score the rest, hold both against the labels."""
    first, start = FIRST_MINUTE - machine.history.shape[1], machine.history.shape[1]
    began = time.process_time()
    model = train(machine.metrics, machine.history, first, seed, is_forest_on=is_forest_on)
    assert model is not None
    trained = time.process_time()
    found = score(model, np.concatenate([machine.history, machine.window], axis=1), first, start)
    scored = time.process_time()
    scores = np.nan_to_num(found.score)
    return Result(
        machine.name,
        int(np.isnan(found.score).sum()),
        volume(machine.labels, scores, period(machine.window[0])),
        count_alarms(machine.labels, found.is_anomalous),
        count_alarms(machine.labels, within_budget(scores)),
        trained - began,
        scored - trained,
    )


def recall(alarms: Sequence[Alarms]) -> float:
    """Over all incidents of all machines."""
    return sum(a.hit for a in alarms) / sum(a.incidents for a in alarms)


def show(title: str, results: Sequence[Result]) -> None:
    """A line a machine, and one of all."""
    print(f"\n{title:24}{'vus_pr':>8}{'incidents':>11}{'own':>6}{'false/d':>9}{'budget':>8}{'false/d':>9}")
    for r in results:
        print(
            f"{r.name:24}{r.volume:8.3f}{r.own.incidents:11d}{r.own.hit:6d}{r.own.false_a_day:9.2f}"
            f"{r.budget.hit:8d}{r.budget.false_a_day:9.2f}"
        )
    own, budget = [r.own for r in results], [r.budget for r in results]
    print(
        f"{'all':24}{np.mean([r.volume for r in results]):8.3f}{sum(a.incidents for a in own):11d}{recall(own):6.2f}"
        f"{np.mean([a.false_a_day for a in own]):9.2f}{recall(budget):8.2f}{np.mean([a.false_a_day for a in budget]):9.2f}"
    )


def accuracy_bars(results: Sequence[Result]) -> list[Bar]:
    """Of the detector as the product runs it."""
    own, budget = [r.own for r in results], [r.budget for r in results]
    return [
        Bar("minutes without a score", sum(r.missing for r in results), 0, is_most=True),
        Bar("mean VUS-PR", float(np.mean([r.volume for r in results])), 0.52),
        Bar("recall within the budget", recall(budget), 0.76),
        Bar("false episodes a day within the budget", float(np.mean([a.false_a_day for a in budget])), 0.50, is_most=True),
        Bar("recall at the own threshold", recall(own), 0.70),
        Bar("false episodes a day at the own threshold", float(np.mean([a.false_a_day for a in own])), 1.0, is_most=True),
        Bar("the same on the worst machine", max(a.false_a_day for a in own), 4.0, is_most=True),
    ]


def peer_seconds(machine: Machine, seed: int) -> float:
    """CPU seconds of scikit-learn's isolation forest for scores of the same minutes, with its own settings."""
    forest = IsolationForest(random_state=seed).fit(np.nan_to_num(machine.history).T)
    began = time.process_time()
    forest.score_samples(np.nan_to_num(machine.window).T)
    return time.process_time() - began


def speed_bar(results: Sequence[Result], minutes: int, peer: float, what: str, least: float) -> Bar:
    """In CPU time, which neighbours on the machine do not lengthen much, and beside a peer, which a slow machine slows as much."""
    ours = sum(r.scored_in for r in results)
    print(f"{HOSTS_AT_ONCE * minutes / ours:,.0f} host-minutes a second on two cores, {what}")
    return Bar(f"times the speed of scikit-learn's isolation forest, {what}", peer / ours, least)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    machines, lines = read_machines(asked.data), read_lines(asked.data)
    if not machines or not lines:
        print(f"not measured: no machine-*.parquet and nab_server.parquet in {asked.data}")
        return 0
    minutes = sum(machine.window.shape[1] for machine in machines)
    full = [measure(machine, asked.seed, is_forest_on=True) for machine in machines]
    peer = sum(peer_seconds(machine, asked.seed) for machine in machines)
    bare = [measure(machine, asked.seed, is_forest_on=False) for machine in machines]
    show("with the forest", full)
    show("without", bare)
    bars = [
        *accuracy_bars(full),
        Bar("standard NAB score", nab_score([judge_line(line) for line in lines]), 40),
        speed_bar(full, minutes, peer, "with the forest", 0.04),
        speed_bar(bare, minutes, peer, "without", 0.13),
    ]
    print("", *bars, sep="\n")
    return 0 if all(bar.holds() for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
