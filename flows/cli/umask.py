"""What govpulse makes is for its owner only; a file that a person asks for elsewhere has the mode that the person's umask gives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from storage.access import OTHERS

_persons: list[int] = []


@contextmanager
def closing_what_is_made() -> Iterator[None]:
    """Inside the block whatever is made, also by libraries and children, is for its owner only."""
    _persons.append(os.umask(OTHERS))
    try:
        yield
    finally:
        os.umask(_persons.pop())


@contextmanager
def as_the_person() -> Iterator[None]:
    """Inside the block files are made as the person's umask says. It is the process's: nothing else may make files meanwhile."""
    ours = os.umask(_persons[-1]) if _persons else None
    try:
        yield
    finally:
        if ours is not None:
            os.umask(ours)
