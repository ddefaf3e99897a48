"""What the campaign on the journal kills: a process that does one act after the other.

Arguments: home, seed.
"""

import os
import random
import sys
from pathlib import Path

from storage.home import Home
from tests.journal_acts import ACTS, MOST, perform


def main(root: str, seed: str) -> None:
    chance, number = random.Random(int(seed)), int(seed) * 7
    os.write(1, b"ready\n")
    while True:
        number += 1
        perform(Home(Path(root)), chance.choice([*MOST, *ACTS]), number % 97)


if __name__ == "__main__":
    main(*sys.argv[1:])
