"""Names and texts as SQL takes them, DuckDB's, SQLite's and PostgreSQL's alike, where a statement takes no bind parameters."""


def quote_name(name: str) -> str:
    """The name of a table or column, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"
