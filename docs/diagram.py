"""Draws the diagrams of the pages when the site is built, so that a reader's browser needs no script for it and no network."""

from typing import Any

from merm import render_diagram


def drawn(source: str, *_: Any, **__: Any) -> str:
    """The picture of a text in Mermaid's language."""
    return f'<figure class="diagram">{render_diagram(source)}</figure>'
