"""The columns of a table that name a user, and in which of its rows they do."""

from storage.catalogue import Column, Table


def user_columns(table: Table) -> list[Column]:
    return [column for column in table.columns if column.is_user_id]


def is_of_a_user(column: Column) -> str:
    """SQL: whether the column names one in a row."""
    return f"coalesce({column.user_id_where or 'true'}, false)"
