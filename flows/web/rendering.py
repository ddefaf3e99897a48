"""Templates: what stands in them comes out as text that can be seen, whatever it is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from storage.printable import printable, printable_lines

TEMPLATES = Path(__file__).parent / "templates"
HEADERS = {"Cache-Control": "no-store"}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page; it is nobody else's business and soon old, so nothing keeps it."""
    return HTMLResponse(ENVIRONMENT.get_template(template).render(**values), status_code=status, headers=HEADERS)


def said(text: str, status: int, *, is_signed_in: bool = True) -> HTMLResponse:
    """A page that says one thing."""
    return page("said.html", status, text=text, is_signed_in=is_signed_in)


def _text(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _lines(text: str) -> Markup:
    """What has lines of its own, such as a query."""
    return escape(printable_lines(text))


def _moment(instant: datetime | None) -> Markup:
    """An instant in UTC for people and for machines."""
    if instant is None:
        return Markup()
    at = instant.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC")


def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=_text)
    environment.filters |= {"lines": _lines, "moment": _moment}
    return environment


ENVIRONMENT = _environment()
