"""HTML out of templates: what stands in them comes out as text that can be seen, whatever it is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from storage.printable import printable, printable_lines


def templates(folder: Path) -> Environment:
    """The templates of a folder. Filters: `lines` for what has lines of its own, `moment` for an instant."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"lines": _lines, "moment": _moment}
    return environment


def _text(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _lines(text: str) -> Markup:
    return escape(printable_lines(text))


def _moment(instant: datetime | None) -> Markup:
    """An instant in UTC for people and for machines."""
    if instant is None:
        return Markup()
    at = instant.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC")
