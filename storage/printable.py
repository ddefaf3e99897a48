"""What is printed is text: names and messages are shown as they are stored, and command neither a terminal nor a page nor a sheet.

Characters that nobody sees or that break a line, a terminal or the order of reading are shown as escapes, in three forms: `\\x1b`,
`\\u202e`, `\\U000e0041`. A backslash stays as it is, except where it would read as one of these: there it is `\\x5c`. So every text
has one way to be shown, and reading the escapes back gives exactly what is stored.
"""

import re

_LETTERS = "\\u0600-\\u115e\\u1161-\\u17b3\\u17b6-\\u180a\\u1810-\\u1cff"
_PICTURES = "\\u2190-\\u2bff\\u3030\\u303d\\u3297\\u3299\\U0001f000-\\U0001faff"
# Letters of Arabic and Indic scripts are joined or kept apart, and pictures put together, by signs that nobody sees by themselves.
_AT_HOME = (
    f"(?<=[{_LETTERS}])[\\u200c\\u200d](?=[{_LETTERS}])"
    f"|(?<=[{_PICTURES}])\\ufe0f?\\u200d(?=[{_PICTURES}])"
    f"|(?<=[{_PICTURES}])\\ufe0f"
)
# C0, DEL, C1; ends of lines and paragraphs, half characters, and what is no character; what Unicode calls
# Default_Ignorable_Code_Point, the controls of direction among it, and like it; blanks that look like another one.
_HIDDEN = (
    "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufdd0-\\ufdef\\ufff0-\\ufffb\\ufffe\\uffff"
    "\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f"
    "\\ufeff\\uffa0\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
    "\\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u2800"
)
_LOOKS_ESCAPED = "\\\\(?=x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_SHOWN_OTHERWISE = re.compile(f"({_AT_HOME})|[{_HIDDEN}]|{_LOOKS_ESCAPED}")
_SHOWN_OTHERWISE_IN_JSON = re.compile(f"({_AT_HOME}|[\\n\\r\\t])|[{_HIDDEN}]")
_FORMULA = re.compile(r"[\s'\"\u200b-\u200f\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def printable(text: str) -> str:
    """`text` as one line in which everything can be seen."""
    return text if text.isascii() and text.isprintable() and "\\" not in text else _SHOWN_OTHERWISE.sub(_shown, text)


def printable_padded(text: str) -> str:
    """The same where blanks follow, as in a table: a last blank of its own is shown."""
    shown = printable(text)
    return shown[:-1] + escape(shown[-1]) if shown.endswith((" ", "\u3000")) else shown


def printable_lines(text: str) -> str:
    """The same for what has lines of its own, such as a query: its line feeds stay."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """JSON whose texts hold no hidden character: the escapes are JSON's own, so that it says exactly the same."""
    return text if text.isascii() and text.isprintable() else _SHOWN_OTHERWISE_IN_JSON.sub(_shown_in_json, text)


def ascii_json(text: str) -> str:
    """JSON in ASCII alone, for whoever takes nothing else."""
    return re.sub(r"[^\x00-\x7f]", lambda found: _json_escape(found.group()), text)


def printable_cell(text: str) -> str:
    """A text for a spreadsheet, in lines: an apostrophe keeps it from being a formula."""
    return f"{guard(text)}{printable_lines(text)}"


def guard(text: str) -> str:
    """What to put before `text` lest a spreadsheet takes it for a formula: an apostrophe, or nothing."""
    return "'" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else ""


def escape(sign: str) -> str:
    """A character as an escape."""
    code = ord(sign)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown(found: re.Match[str]) -> str:
    return found.group() if found.group(1) else escape(found.group())


def _shown_in_json(found: re.Match[str]) -> str:
    return found.group() if found.group(1) else _json_escape(found.group())


def _json_escape(sign: str) -> str:
    units = sign.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
