"""Where commands print: text only, whatever stands in it.

A reader who has seen enough closes the pipe: what is still to be printed goes nowhere, and the command ends as it would have.
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text

from storage.errors import GovpulseError
from storage.printable import ascii_json, printable, printable_json, printable_padded

WIDE = 1_000_000
"""Columns where it is no terminal: a row stays one line."""


class CannotPrintError(GovpulseError):
    """Nobody takes what is printed: a full disk, or a pipe that broke."""


def prepare_streams() -> None:
    """Let standard output and standard error take every text: what their encoding has no sign for is shown as an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for as long as we live
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, file: IO[str] | None = None) -> None:
    """Print one line, on standard output by default."""
    write(printable(text) + "\n", file)


def say_json(document: Any) -> None:
    """Print JSON, which is read back as exactly what it was."""
    write(json_for(sys.stdout, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"))


def json_for(file: IO[str], text: str) -> str:
    """JSON as `file` takes it; in ASCII where it takes nothing else."""
    shown = printable_json(text)
    return shown if is_unicode(file) else ascii_json(shown)


def show(*parts: RenderableType) -> None:
    """Print texts and tables, each on lines of its own."""
    write(rendered(sys.stdout, *parts))


def rendered(file: IO[str], *parts: RenderableType) -> str:
    """Texts and tables as `file` shows them: coloured and folded on a terminal, where a text is left for the terminal to fold."""
    shown = io.StringIO()
    screen = console(shown, is_terminal=file.isatty())
    for part in parts:
        screen.print(part, soft_wrap=isinstance(part, Text))
    return shown.getvalue()


def write(text: str, file: IO[str] | None = None) -> None:
    """Write what is printable already.

    Raises:
        GovpulseError: it cannot be written, because the disk is full, say.
    """
    out = file or sys.stdout
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        _let_go(out)
    except OSError as error:
        _let_go(out)
        raise CannotPrintError(f"cannot print: {error.strerror or error}") from error


def _let_go(out: IO[str]) -> None:
    """What is left in the buffer, and what comes, goes nowhere."""
    with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), out.fileno())


def console(file: IO[str], is_terminal: bool) -> Console:
    """A console that takes no text for markup, for the name of a picture or for something to be coloured."""
    width = None if is_terminal else WIDE
    return Console(file=file, force_terminal=is_terminal or None, width=width, markup=False, emoji=False, highlight=False)


def text(shown: str, style: str = "") -> Text:
    """Something stored as a part of what is shown."""
    return Text(printable(shown), style)


def cell(shown: str | Text) -> Text:
    """The same in a table."""
    return shown if isinstance(shown, Text) else Text(printable_padded(shown))


def line(*parts: str | Text) -> Text:
    """Parts in a row: our own words, texts from the data, pieces with a style."""
    return Text().join(part if isinstance(part, Text) else text(part) for part in parts)


def is_unicode(file: IO[str]) -> bool:
    return (getattr(file, "encoding", None) or "utf-8").lower().replace("_", "-").startswith("utf")


@contextmanager
def working(at: str) -> Iterator[Status]:
    """A spinner on standard error while the block works, where somebody looks at it."""
    screen = console(sys.stderr, sys.stderr.isatty())
    with screen.status(text(at), spinner="dots" if is_unicode(sys.stderr) else "line") as status:
        yield status
