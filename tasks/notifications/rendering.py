"""A message as text: one line for a terminal, a body for people."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from storage.printable import printable, printable_lines
from tasks.message import Message

MEMBERS_SHOWN = 50
LINK = re.compile(r"https?://[\w.:/%?&=#+-]+", re.ASCII)
"""What the rule's author means to be clicked on."""
LINKED = (("alert", "Alert"), ("alerts", "Alerts"), ("ack", "Acknowledge"), ("silence", "Silence"), ("plot", "Plot"))
"""Our own links, by what they lead to, and what they are called."""
Shown = Callable[[str], str]
"""How a text from the data is said where it is read."""


def one_line(text: str, limit: int) -> str:
    """`text` as one line in which everything can be seen, cut to `limit` characters."""
    line = printable(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def render_line(message: Message) -> str:
    """One line for a terminal or a log."""
    about = f"{message.rule}, {_minute(message.since)}".removeprefix(", ")
    return printable(f"{message.event.upper()} {message.severity}: {message.statement} [{about}]")


def render_text(message: Message, shown: Shown = printable) -> str:
    """The body of an e-mail or of a chat message, in plain text; its title stands elsewhere.

    Args:
        shown: says texts from the data so that whatever reads the message takes them for text.
    """
    return _body(message, printable_lines(message.query.strip()), shown)


def render_markdown(message: Message, shown: Shown) -> str:
    """The same with the query as a block of code, in which a chat service leaves asterisks and underscores alone."""
    query = printable_lines(message.query.strip())
    is_block = query and "```" not in query
    return _body(message, f"```\n{query}\n```" if is_block else "\n".join(map(shown, message.query.strip().split("\n"))), shown)


def _body(message: Message, query: str, shown: Shown) -> str:
    told = "\n".join([shown(message.statement), *_members(message, shown)])
    facts = "\n".join(_facts(message, shown))
    return "\n\n".join(part for part in (told, facts, query and f"Query for the evidence:\n{query}") if part)


def _members(message: Message, shown: Shown) -> list[str]:
    """The alerts that a digest tells of, one a line, the first fifty of them."""
    told = [f"- {member.severity}: {shown(member.statement)}" for member in message.members[:MEMBERS_SHOWN]]
    hidden = len(message.members) - len(told)
    return [*told, f"and {hidden:,} more"] if hidden else told


def _facts(message: Message, shown: Shown) -> list[str]:
    ours = [f"{words}: {message.links[name]}" for name, words in LINKED if name in message.links]
    facts = [f"{name}: {text if name == 'Runbook' and LINK.fullmatch(text) else shown(text)}" for name, text in facts_of(message)]
    return facts + ours


def facts_of(message: Message) -> list[tuple[str, str]]:
    """What there is to know beside the sentence, by name."""
    numbers = (("Value", message.value), ("Threshold", message.threshold))
    texts = (
        ("Severity", message.severity),
        ("Since", _minute(message.since)),
        ("Labels", ", ".join(f"{key}={value}" for key, value in sorted(message.labels.items()))),
        ("Runbook", message.runbook),
        ("Data", "made-up sample data" if message.is_sample else ""),
    )
    facts = [(name, f"{number:.6g}") for name, number in numbers if number is not None] + list(texts)
    return [(name, text) for name, text in facts if text]


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
