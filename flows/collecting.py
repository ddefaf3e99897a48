"""How often Python looks for garbage while it loads modules, which stay: with its own threshold a tenth of a start goes there."""

import gc

OBJECTS = 100_000


def collect_seldom() -> None:
    """From now on in this process: only after so many more objects were made than freed."""
    gc.set_threshold(OBJECTS)
