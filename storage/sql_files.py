"""SQL lies in `.sql` files beside the modules that run it. Each is read once, by the first who wants it."""

from functools import cache
from pathlib import Path


@cache
def sql_beside(module: str, name: str) -> str:
    """The text of `<name>.sql` in the folder of a module, which says `__file__`."""
    return (Path(module).parent / f"{name}.sql").read_text(encoding="utf-8")
