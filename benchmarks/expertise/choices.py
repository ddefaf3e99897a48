"""Whether the formulas' choices are fitted to one set: made anew without it, they are tried on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product as every

import numpy as np

from benchmarks.expertise.labelled import NEXT, OWNER
from benchmarks.expertise.peers import FORMULA, Scorer, availability, knowledge
from benchmarks.expertise.ranking import Question, Values, difference

GRIDS: Mapping[str, Mapping[str, Scorer]] = {
    OWNER: {
        f"create {create}, co-author {coauthor}, domains ^ {exponent}, left {left}, early {early}": partial(
            knowledge, create=create, coauthor=coauthor, exponent=exponent, left=left, early=early
        )
        for create, coauthor, exponent, left, early in every((2, 4, 8), (0.5, 0.8), (0.38, 1), (0.45, 0.7, 1), (0, 0.15, 0.3))
    },
    NEXT: {
        f"half-life {half_life}, co-author {coauthor}, presence {presence}, many {many}": partial(
            availability, half_life=half_life, coauthor=coauthor, presence=presence, many=many
        )
        for half_life, coauthor, presence, many in every((90, 180, 365), (0.5, 1), (None, 90, 180, 365), (10, 50, np.inf))
    },
}


@dataclass(frozen=True)
class Choice:
    """What the other sets choose, on the set that was held out.

    Attributes:
        precision: mean average precision there.
        best: of all choices the most that it could be there.
        gain: over the default formula, with its 95 % interval.
    """

    name: str
    chosen: str
    precision: float
    default: float
    best: float
    gain: tuple[float, float, float]


def held_out(questions: Sequence[Question]) -> list[Choice]:
    """Each set in turn; the other sets choose by the mean over them, the first of the grid where several are best."""
    grid = GRIDS[questions[0].task]
    found = {what: [question.measure(scorer(question)).precision for question in questions] for what, scorer in grid.items()}
    return [_choose(question, at, found) for at, question in enumerate(questions)]


def _choose(question: Question, at: int, found: Mapping[str, list[Values]]) -> Choice:
    def elsewhere(what: str) -> float:
        return float(np.mean([values.mean() for other, values in enumerate(found[what]) if other != at]))

    chosen = max(found, key=elsewhere)
    ours, default = found[chosen][at], question.measure(FORMULA[question.task](question)).precision
    best = max(values[at].mean() for values in found.values())
    return Choice(question.name, chosen, float(ours.mean()), float(default.mean()), float(best), difference(ours, default))


def show(task: str, choices: Sequence[Choice]) -> None:
    """Print the table."""
    print(f"\n{task}: MAP on a set with what the other sets choose, of {len(GRIDS[task])} choices")
    print(f"{'held out':18}{'they choose':66}{'MAP':>6}{'default':>9}{'best':>6}   {'more than the default (95 %)'}")
    for one in choices:
        gain, low, high = one.gain
        figures = f"{one.precision:>6.3f}{one.default:>9.3f}{one.best:>6.3f}   {gain:+.3f} ({low:+.3f} to {high:+.3f})"
        print(f"{one.name:18}{one.chosen:66}{figures}")
    print("best: the most that any of the choices reaches there, known only afterwards")
