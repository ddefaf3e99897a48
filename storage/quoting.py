"""Texts within SQL."""


def quote_text(text: str) -> str:
    """A SQL string literal, for the few statements that take no bind parameters."""
    return "'" + text.replace("'", "''") + "'"
