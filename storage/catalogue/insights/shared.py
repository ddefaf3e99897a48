"""Columns that several insight tables have, and columns that come in threes."""

from storage.catalogue.model import Column

AS_OF = Column("as_of", "TIMESTAMPTZ", "the instant the row was computed for", is_required=True)
WINDOW_DAYS = Column("window_days", "BIGINT", "length of the window (days); it ends at as_of, exclusive", is_required=True)
IS_SAMPLE = Column("is_sample", "BOOLEAN", "computed from the made-up sample database, not from a real platform", is_required=True)


def count(name: str, description: str) -> Column:
    return Column(name, "BIGINT", f"{description} (count)", is_required=True)


def later_count(name: str, description: str) -> Column:
    """A count that rows kept in `history` from before it existed do not have."""
    return Column(name, "BIGINT", f"{description} (count); NULL in rows from before version 0.2")


def interval(name: str, description: str, method: str) -> tuple[Column, Column]:
    """The two ends of a 95 % interval, `name`_low and `name`_high."""
    low = Column(f"{name}_low", "DOUBLE", f"lower end of the 95 % interval of {description}; {method}")
    return low, Column(f"{name}_high", "DOUBLE", f"upper end of the 95 % interval of {description}; {method}")


def rate(name: str, description: str) -> tuple[Column, Column, Column]:
    """A rate in [0, 1] with its interval."""
    return Column(name, "DOUBLE", f"{description}; NULL if the denominator is 0"), *interval(name, name, "Wilson 1927")


def median(name: str, description: str) -> tuple[Column, Column, Column]:
    """A median in seconds, `name`_seconds, with its interval."""
    value = Column(f"{name}_seconds", "DOUBLE", f"{description} (s); NULL if there are none")
    return value, *interval(name, f"{name}_seconds", "order statistics, exact (s); NULL with fewer than 6")
