"""How many of what, in words."""


def counted(count: int, noun: str) -> str:
    """`0 rows`, `1 row`, `1,234 anomalies`."""
    return f"{count:,} {plural(noun, count)}"


def plural(noun: str, count: int) -> str:
    """The noun as it follows so many."""
    if count == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeou" else f"{noun}s"
