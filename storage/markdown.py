"""Texts from the data within Markdown, as of the pages and tables in the Prefect UI: shown, and never obeyed."""

import re

from storage.printable import escape, printable

# Blanks at an edge or beside another one, which a page leaves out.
_LOST_BLANK = re.compile("^[ \u3000]|(?<=[ \u3000]) |[ \u3000]$")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_ADDRESS = re.compile(r"\\:(?=\\/\\/)|\\\.(?<=www\\\.)|(?<=.)\\@", re.IGNORECASE)
_MARKUP = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])[(:]|:(?=//)|(?<=[wW]{3})\."
    r"|[*~`]|(?<![^\W_])_|_(?![^\W_])|^[#>]|^[-+](?=[ -]|$)"
    r"|" + "|".join(f"(?<=^[0-9]{{{digits}}})[.)](?= |$)" for digits in range(1, 10))
)


def in_markdown(text: str) -> str:
    """One line of Markdown that shows `text`: no link, no picture, no markup of any kind, and no blank lost.

    Some readers make links of what looks like an address even behind backslashes; an unseen comment within it prevents that.
    """
    shown = _PUNCTUATION.sub(r"\\\g<0>", _with_blanks(printable(text)))
    return _ADDRESS.sub(r"<!---->\g<0>", shown)


def without_markdown(text: str) -> str:
    """One line that says the same to who shows it as it is and to who takes it for Markdown: what would be markup is an escape.

    Only an address of mail becomes a link, which says where it goes.
    """
    shown = _with_blanks(printable(text))
    alone = {sign for sign in "*_~`" if shown.count(sign) == 1}
    return _MARKUP.sub(lambda found: found.group() if found.group() in alone and found.start() else escape(found.group()), shown)


def _with_blanks(text: str) -> str:
    return _LOST_BLANK.sub(lambda found: escape(found.group()), text)
