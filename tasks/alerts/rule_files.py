"""Rules files as TOML: the entries of a file, and in which line each key of each of them stands."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError, first_line

LITERAL = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)
"""A string, or a comment."""
IS_NAME = re.compile(r"[ \t]*(?:[=.]|\]\])")
"""What follows a quoted key."""
HEADER = re.compile(r"[ \t]*\[\[[ \t]*rule[ \t]*\]\]")
EXCEPTION = re.compile(r"[ \t]*\[\[[ \t]*rule[ \t]*\.[ \t]*except[ \t]*\]\]")
KEY = re.compile(r"[ \t]*(?:\[+[ \t]*rule[ \t]*\.[ \t]*)?([\w-]+)[ \t]*[=.\]]")
NAME = re.compile(r"[\w.-]{1,100}")
BEGINNING = "rules begin with [[rule]], in double brackets"


@dataclass(frozen=True)
class Entry:
    """One [[rule]] of a file.

    Attributes:
        lines: of each key, and under None of the entry itself; of the second exception `except 2`, and of a key in it
            `except 2.warning`.
    """

    path: Path
    number: int
    values: Mapping[str, Any]
    lines: Mapping[str | None, int]

    def refusal(self, key: str | None, problem: str) -> ConfigurationError:
        """What to raise for a mistake in this entry: it names file, line and rule."""
        name = self.values.get("name")
        who = name if isinstance(name, str) and NAME.fullmatch(name) else f"number {self.number}"
        places = (key, key and key.split(".")[0], key and key.split(" ")[0], None)
        line = next((self.lines[place] for place in places if place in self.lines), 1)
        return _refused(self.path, line, f"rule {who}: {problem}")


def read_entries(path: Path) -> list[Entry]:
    """The entries of one file; an empty file has none.

    Raises:
        ConfigurationError: it cannot be read, is no TOML, or holds something else than rules; in one line.
    """
    text = _text(path)
    document = _document(path, text)
    lines = LITERAL.sub(_blanked, text).split("\n")
    unknown = [key for key in document if key != "rule"]
    if unknown:
        raise _refused(path, _line_of(lines, unknown[0]), f"unknown key {unknown[0]!r}; {BEGINNING}")
    entries = document.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _refused(path, _line_of(lines, "rule"), BEGINNING)
    found = _lines_by_entry(lines)
    if len(found) != len(entries):
        found = [{None: _line_of(lines, "rule")}] * len(entries)
    return [Entry(path, number, values, found[number - 1]) for number, values in enumerate(entries, 1)]


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or first_line(error)
        raise ConfigurationError(f"cannot read the rules file {path}: {why}; see [alerts] rules") from error
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _refused(path, data.count(b"\n", 0, error.start) + 1, "not UTF-8; save it as UTF-8") from error


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigurationError(f"rules file {path}: lists are nested too deeply to read") from error
    except ValueError as error:
        said = first_line(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}, the end of the file")
        raise ConfigurationError(f"rules file {path}: {said}") from error


def _refused(path: Path, line: int, problem: str) -> ConfigurationError:
    return ConfigurationError(" ".join(f"rules file {path}, line {line}: {problem}".splitlines()))


def _blanked(literal: re.Match[str]) -> str:
    """Strings and comments without what is in them, except their line breaks; a quoted key without its quotes."""
    if literal[0][0] != "#" and "\n" not in literal[0] and IS_NAME.match(literal.string, literal.end()):
        return literal[0][1:-1]
    return "\n" * literal[0].count("\n")


def _line_of(lines: list[str], key: str) -> int:
    """Of a key of the document, or of its table."""
    begins = re.compile(rf"[ \t\[]*{re.escape(key)}(?![\w-])")
    return next((number for number, line in enumerate(lines, 1) if begins.match(line)), 1)


def _lines_by_entry(lines: list[str]) -> list[dict[str | None, int]]:
    found: list[dict[str | None, int]] = []
    inside = ""
    for number, line in enumerate(lines, 1):
        key = KEY.match(line)
        if HEADER.match(line):
            found.append({None: number})
            inside = ""
        elif found and EXCEPTION.match(line):
            exceptions = sum(1 for place in found[-1] if place and place.startswith("except ") and "." not in place)
            inside = f"except {exceptions + 1}"
            found[-1][inside] = number
        elif found and key:
            found[-1].setdefault(f"{inside}.{key[1]}" if inside else key[1], number)
    return found
