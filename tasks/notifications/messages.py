"""A message as text: one line for a terminal, a body for people."""

import re
from datetime import UTC, datetime

from tasks.messages import Message

MEMBERS_SHOWN = 50
# Control characters and what else begins a new line: a name may hold an escape sequence, or a header of its own.
BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str, limit: int | None = None) -> str:
    """`text` without anything that breaks a line or commands a terminal, cut to `limit` characters."""
    line = BREAKS.sub(" ", text).strip()
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def render_line(message: Message) -> str:
    """One line for a terminal or a log."""
    about = f"{message.rule}, {_minute(message.since)}".removeprefix(", ")
    return one_line(f"{message.event.upper()} {message.severity}: {message.statement} [{about}]")


def render_text(message: Message) -> str:
    """The body of an e-mail or of a chat message, in plain text; its title stands elsewhere."""
    return _body(message, message.query.strip())


def render_markdown(message: Message) -> str:
    """The same with the query as a block of code, in which a chat service leaves asterisks and underscores alone."""
    query = message.query.strip()
    return _body(message, f"```\n{query}\n```" if query and "```" not in query else query)


def _body(message: Message, query: str) -> str:
    told = "\n".join([one_line(message.statement), *_members(message)])
    facts = "\n".join(_facts(message))
    return "\n\n".join(part for part in (told, facts, query and f"The query that shows the evidence:\n{query}") if part)


def _members(message: Message) -> list[str]:
    """The alerts that a digest tells of, one a line, the first fifty of them."""
    shown = [f"- {member.severity}: {one_line(member.statement)}" for member in message.members[:MEMBERS_SHOWN]]
    hidden = len(message.members) - len(shown)
    return [*shown, f"and {hidden:,} more"] if hidden else shown


def _facts(message: Message) -> list[str]:
    numbers = (("Value", message.value), ("Threshold", message.threshold))
    texts = (
        ("Severity", message.severity),
        ("Since", _minute(message.since)),
        ("Labels", ", ".join(f"{key}={value}" for key, value in sorted(message.labels.items()))),
        ("Runbook", message.runbook),
        ("Data", "made-up sample data" if message.is_sample else ""),
    )
    facts = [(name, f"{number:.6g}") for name, number in numbers if number is not None] + list(texts)
    return [f"{name}: {one_line(text)}" for name, text in facts if text]


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
