"""How well the product and others order the candidates, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.expertise.labelled import NEXT, OWNER
from benchmarks.expertise.peers import PEERS, product
from benchmarks.expertise.ranking import Measures, Question, difference

PRODUCT = "govpulse"
ASKED = {OWNER: "who is a declared owner of the domain?", NEXT: "who acts in the domain in the 180 days to come?"}
TITLE = 30
Found = Mapping[str, Sequence[Measures]]
"""What each scorer reaches, set by set."""


def measure(questions: Sequence[Question]) -> Found:
    """The product and all others on the same candidates and acts."""
    scorers = {PRODUCT: product, **PEERS[questions[0].task]}
    return {name: [question.measure(scorer(question)) for question in questions] for name, scorer in scorers.items()}


def show(questions: Sequence[Question], found: Found) -> None:
    """Print both tables."""
    task, names = questions[0].task, [question.name for question in questions]
    domains = "".join(f"{f'{question.name} ({len(question.starts)} domains)':>31}" for question in questions)
    figures = f"{'P@1':>17}{'R@3':>7}{'MAP':>7}" * len(questions)
    print(f"\n{task}: {ASKED[task]}\n{'':{TITLE}}{domains}\n{'':{TITLE}}{figures}")
    for name, measures in found.items():
        figures = "".join("{:>17.3f}{:>7.3f}{:>7.3f}".format(*one.means()) for one in measures)
        print(f"{name:{TITLE}}{figures}")
    print(f"\n{f'MAP of {PRODUCT} less that of':{TITLE}}{''.join(f'{name:>26}' for name in [*names, 'pooled'])}")
    for name, measures in found.items():
        if name != PRODUCT:
            print(f"{name:{TITLE}}{_differences(found[PRODUCT], measures)}")
    print("in brackets: 95 %, domains resampled 2,000 times; pooled: over the domains of all sets")


def _differences(ours: Sequence[Measures], theirs: Sequence[Measures]) -> str:
    """Set by set, and pooled."""
    pairs = [(one.precision, other.precision) for one, other in zip(ours, theirs, strict=True)]
    pooled = (np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs]))
    cells = ["{:+.3f} ({:+.3f} to {:+.3f})".format(*difference(*pair)) for pair in (*pairs, pooled)]
    return "".join(f"{cell:>26}" for cell in cells)
