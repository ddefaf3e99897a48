"""Which columns of a file are landed: those that the contract knows. Others are the file's own business."""

from collections.abc import Sequence

from storage.catalogue import Table
from storage.errors import GovpulseError
from storage.intake.contract import check_columns
from tasks.wording import plural

SHOWN = 12


def known_columns(table: Table, names: Sequence[str], origin: str) -> dict[str, int]:
    """By column of `table` its place among the file's `names`, in the file's order. A name may be written with other blanks and
    letters, unless another one is written as the contract writes it.

    Raises:
        GovpulseError: a required one is missing, or one is there more than once, so that nobody can tell which is meant.
    """
    places = places_of(table, names)
    try:
        check_columns(table, [*places], origin)
    except GovpulseError as error:
        raise GovpulseError(f"{error}; it has {_shown(names)}") from error
    repeated = sorted({name for name, found in places.items() if len(found) > 1})
    if repeated:
        raise GovpulseError(f"{origin} has the {plural('column', len(repeated))} {', '.join(repeated)} more than once")
    return {name: found[0] for name, found in sorted(places.items(), key=lambda item: item[1])}


def places_of(table: Table, names: Sequence[str]) -> dict[str, list[int]]:
    """By column of `table` where it is among `names`."""
    exact = {name: [place for place, found in enumerate(names) if found == name] for name in table.column_names}
    alike = {name: [place for place, found in enumerate(names) if plain(found) == name] for name in table.column_names}
    return {name: exact[name] or alike[name] for name in table.column_names if alike[name]}


def required_columns(table: Table) -> frozenset[str]:
    """Without which a file cannot be read."""
    return frozenset(column.name for column in table.columns if column.is_required and column.default is None)


def plain(name: str) -> str:
    """A name as the contract would write it: `User ID ` is user_id."""
    return "_".join(name.split()).lower()


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "none"
