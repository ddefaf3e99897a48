"""A message as text: one line for a terminal, a body for people."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from storage.printable import printable, printable_lines
from tasks.message import Message

MEMBERS_SHOWN = 50
UNLIMITED = 1_000_000
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
    page = message.links.get("alert", "")
    return printable(f"{message.event.upper()} {message.severity}: {message.statement} [{about}] {page}").rstrip()


def render_text(message: Message, shown: Shown = printable, longest: int = UNLIMITED) -> str:
    """The body of an e-mail or of a chat message, in plain text; its title stands elsewhere.

    Args:
        shown: says texts from the data so that whatever reads the message takes them for text.
        longest: how many characters it may have. The sentence and the links come first; of the rest what fits is there, and whole.
    """
    return _body(message, printable_lines(message.query.strip()), shown, longest)


def render_markdown(message: Message, shown: Shown, longest: int = UNLIMITED) -> str:
    """The same with the query as a block of code, in which a chat service leaves asterisks and underscores alone."""
    query = printable_lines(message.query.strip())
    is_block = query and "```" not in query
    said = f"```\n{query}\n```" if is_block else "\n".join(map(shown, message.query.strip().split("\n")))
    return _body(message, said, shown, longest)


def _body(message: Message, query: str, shown: Shown, longest: int) -> str:
    links = "\n".join(f"{words}: {message.links[name]}" for name, words in LINKED if name in message.links)
    parts = [_shortened(message.statement, shown, longest - len(links) - 2), links]
    members = [f"- {member.severity}: {shown(member.statement)}" for member in message.members[:MEMBERS_SHOWN]]
    asked = [f"Query for the evidence:\n{query}"] if query else []
    for lines, total in ((_facts(message, shown), 0), (members, len(message.members)), (asked, 0)):
        room = longest - len("\n\n".join(filter(None, parts))) - 2
        parts.append("\n".join(_fitting(lines, room, total)))
    return "\n\n".join(filter(None, parts))


def _shortened(text: str, shown: Shown, room: int) -> str:
    """A text as it is shown, cut to where there is room for it: what makes it harmless makes it longer."""
    kept = len(text)
    while kept and len(shown(text[:kept])) + (kept < len(text)) > room:
        kept = min(kept - 1, kept * max(room, 0) // len(shown(text[:kept])))
    return shown(text[:kept]) + "…" * (kept < len(text))


def _fitting(lines: Sequence[str], room: int, total: int) -> list[str]:
    """The first lines, as many as there is room for; of `total`, if that is said, how many are left."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line, *_left(total - len(kept) - 1)])) > room:
            break
        kept.append(line)
    return [*kept, *_left(total - len(kept))] if kept else []


def _left(count: int) -> list[str]:
    return [f"and {count:,} more"] if count > 0 else []


def _facts(message: Message, shown: Shown) -> list[str]:
    return [f"{name}: {text if name == 'Runbook' and LINK.fullmatch(text) else shown(text)}" for name, text in facts_of(message)]


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
