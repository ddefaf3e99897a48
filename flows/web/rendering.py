"""Answers made of our templates."""

from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from tasks.html import templates

TEMPLATES = Path(__file__).parent / "templates"
ENVIRONMENT = templates(TEMPLATES)
SEE_OTHER = 303
"""How a form that was posted is answered: with another page to get."""
HEADERS = {"Cache-Control": "no-store"}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page; it is nobody else's business and soon old, so nothing keeps it."""
    return HTMLResponse(ENVIRONMENT.get_template(template).render(**values), status_code=status, headers=HEADERS)


def said(text: str, status: int, *, is_signed_in: bool = True) -> HTMLResponse:
    """A page that says one thing."""
    return page("said.html", status, text=text, is_signed_in=is_signed_in)
