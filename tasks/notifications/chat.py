"""Names within a chat message, as what reads it takes them: for text, and for nothing else.

Where a backslash helps, there is one. Where nothing does, a word joiner, which nobody sees, keeps signs from being a command.
"""

import re

from storage.printable import printable

JOINER = "\u2060"
_MARKDOWN = re.compile(r"[\\`*_~|\[\]]|^[>#+-]|(?<=^[0-9])[.)]|(?<=^[0-9]{2})[.)]")
_SLACK = re.compile(r"[`*_~]|^>|:(?=//)|(?<=mailto):", re.IGNORECASE)
# Chat services read these as a call to everybody, as a mention, as a link, as a sign in HTML or as a picture, wherever they stand.
# That Apprise escapes them does not help: of Slack's it undoes it.
_COMMANDS = re.compile(r"(?<!\w)[@!](?=\w)|<#(?=\w)|<(?:https?|mailto)(?=:)|\](?=\()|&(?=#?\w+;)|:(?=[\w+-]+:)", re.IGNORECASE)


def plain(text: str) -> str:
    """For what shows text as it is, but takes a mention for one."""
    return _COMMANDS.sub(lambda found: found.group() + JOINER, printable(text))


def markdown(text: str) -> str:
    """For what reads Markdown: with the backslashes that all of its kinds know."""
    return _MARKDOWN.sub(r"\\\g<0>", plain(text))


def slack(text: str) -> str:
    """For Slack's own markup, which has no escape."""
    return _SLACK.sub(lambda found: JOINER + found.group() + JOINER, plain(text))
