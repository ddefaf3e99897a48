"""Names that break what is careless with them, and what holds of whatever shows them."""

import random
import re

from hypothesis import strategies as st

PIECES = (
    *(
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "```",
        "[",
        "]",
        "(",
        ")",
        "](",
        "![",
        "[/]",
        "[red]",
        "[dbo].[orders]",
        "[prod] billing",
        ":x:",
    ),
    *(
        "<",
        "<b>",
        "</b>",
        "<!--",
        "<a href='x'>",
        "&",
        "&lt;",
        "&copy;",
        "&#42;",
        "\\",
        "\\*",
        "|",
        "#",
        "# ",
        ">",
        "-",
        "- ",
        "1. ",
    ),
    *("===", "---", "***", "http://e.x/a", "www.e.x", "a@e.x", "$x$", "^", "{", "}", "=1+1", "+1", "-1", "@x", "\uff1d1", '"', "'"),
    *(
        "a",
        "web-1",
        "orders_full",
        "é",
        "日本",
        "שלום",
        "العربية",
        " ",
        "  ",
        "\u3000",
        "👩🏽\u200d💻",
        "x" * 5000,
        "\\x1b",
        "\\u202e",
    ),
    *(
        "\n",
        "\r\n",
        "\t",
        "\x00",
        "\x07",
        "\x1b[31m",
        "\x1b]8;;http://e.x\x07",
        "\x7f",
        "\x85",
        "\x9b31m",
        "\u2028",
        "\u202e",
        "\u2066",
    ),
    *("\u200b", "\u200d", "\u061c", "\ufeff", "\xad", "\xa0", "\U000e0041", "\u3164", "NULL", "nan", "0", ";", ",", "!", "?", "/"),
)
HALVES = ("\udcff", "\ud800.")
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\xad\U000e0000-\U000e0fff]"
)
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")

names = st.lists(st.sampled_from((*PIECES, *HALVES)) | st.text(max_size=4), max_size=8).map("".join)


def stored(shown: str) -> str:
    """What is stored, read from what is shown."""
    return ESCAPE.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), shown)


def draw(count: int, halves: bool = False) -> list[str]:
    """So many names, all different, with halves of characters where these can be had: a database takes none."""
    chosen, pieces = random.Random(7), (*PIECES, *HALVES) if halves else PIECES
    drawn: dict[str, None] = dict.fromkeys(pieces)
    while len(drawn) < count:
        drawn.setdefault("".join(chosen.choices(pieces, k=chosen.randint(1, 6))))
    return list(drawn)[:count]
