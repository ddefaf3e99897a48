"""SQL that shows people the rows behind a finding, with the values in it."""

from collections.abc import Mapping

from storage.quoting import quote_text


def rows_where(table: str, equal: Mapping[str, str], *more: str, columns: str = "*", order_by: str = "") -> str:
    """The rows of `schema.table` with these values.

    Args:
        more: other conditions, in SQL.
    """
    where = " AND ".join([*(f"{name} = {quote_text(value)}" for name, value in equal.items()), *more])
    return f"SELECT {columns} FROM {table} WHERE {where}" + (f" ORDER BY {order_by}" if order_by else "")
