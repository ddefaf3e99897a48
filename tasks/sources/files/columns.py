"""Which columns of a file are landed: those that the contract knows. Others are the file's own business."""

from collections.abc import Sequence

from storage.catalogue import Table
from storage.contract import check_columns
from storage.errors import GovpulseError


def known_columns(table: Table, names: Sequence[str], origin: str) -> list[str]:
    """The columns of `names` that `table` has, in the file's order.

    Raises:
        GovpulseError: a required one is missing, or one is there more than once, so that nobody can tell which is meant.
    """
    check_columns(table, list(names), origin)
    known = [name for name in names if name in table.column_names]
    repeated = sorted({name for name in known if known.count(name) > 1})
    if repeated:
        raise GovpulseError(f"{origin} has the column{'s' * (len(repeated) > 1)} {', '.join(repeated)} more than once")
    return known
