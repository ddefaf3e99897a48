"""Rows, and the platform's words as its deployments write them."""

SampleRow = tuple[str | int | float | None, ...]


def in_some_case(word: str, chance: float) -> str:
    """An enum's word by its name (upper case) in three rows of ten, by its value (lower case) in the others."""
    return word.upper() if chance < 0.3 else word
