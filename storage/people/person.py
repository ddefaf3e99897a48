"""A person's id in texts: where it stands, what it is a part of, and the text without it.

Pure. An id stands in a text as a whole word (`ann.lee left`), or as a part of a longer id (`scan-ann.lee-2026`); in both no letter
or digit goes on before or after it: `ann` is no part of `joann`. Where somebody else's id holds it, it is theirs: `ann.lee` and
`ann` are two people.
"""

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from storage.catalogue import TABLES

NOBODY = "(forgotten)"
WORD_PARTS = "_.@-"
"""What a word may hold beside letters and digits: `ann` is no word in `ann.lee` nor in `ann-2`."""
BASE64 = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}")
URL_SAFE_BASE64 = re.compile(r"(?=[A-Za-z0-9]*[_-])[A-Za-z0-9_-]{4,}={0,2}")
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
"""Whatever is in one happens to be there."""
PUNCTUATION = ".,;:!?()[]{}<>\"'`|\\"
PNG = "iVBORw0KGgo"
"""How a picture begins in base64: whatever its bytes happen to be, they are no text."""


@dataclass(frozen=True)
class Person:
    """Somebody who is forgotten.

    Attributes:
        stand_in: what stands in longer ids in the place of theirs; None: these stay as they are.
        others: ids of other people that hold this one as a part.
    """

    user_id: str
    stand_in: str | None = None
    others: tuple[str, ...] = ()

    def without(self, text: str) -> str:
        """The text without them: as a word, and, where they have a stand-in, as a part of longer ids."""
        text = self.without_word(text)
        return self.without_part(text) if self.stand_in else text

    def without_word(self, text: str) -> str:
        return self._replaced(text, NOBODY, is_word)

    def without_part(self, text: str) -> str:
        return self._replaced(text, self.stand_in or NOBODY, _is_part)

    def is_in(self, text: str) -> bool:
        """Whether it names them, as a word or as a part of something longer."""
        return next(self._spans(text, _is_part), None) is not None

    def _replaced(self, text: str, by: str, is_here: Callable[[str, int, int], bool]) -> str:
        pieces, done = [], 0
        for start in self._spans(text, is_here):
            pieces += [text[done:start], by]
            done = start + len(self.user_id)
        return "".join([*pieces, text[done:]])

    def is_between(self, before: str, after: str) -> bool:
        """Whether their id, standing between these two, names them."""
        return len(before) in self._spans(before + self.user_id + after, _is_part)

    def around(self, text: str) -> list[str]:
        """The words and longer ids that hold them, as they stand in the text."""
        return [word.strip(PUNCTUATION) for word in text.split() if self.is_in(word)] or [text] * self.is_in(text)

    def _spans(self, text: str, is_here: Callable[[str, int, int], bool]) -> Iterator[int]:
        """Where the id begins, from left to right, without overlaps."""
        if self.user_id not in text:
            return
        theirs = [span for other in self.others for span in _occurrences(other, text, _is_part)]
        theirs += [found.span() for found in UUID.finditer(text) if len(found[0]) > len(self.user_id)]
        end = 0
        for start, stop in _occurrences(self.user_id, text, is_here):
            if start >= end and not any(first <= start and stop <= last for first, last in theirs):
                end = stop
                yield start


def _occurrences(user_id: str, text: str, is_here: Callable[[str, int, int], bool]) -> Iterator[tuple[int, int]]:
    start = text.find(user_id)
    while start >= 0:
        stop = start + len(user_id)
        if is_here(text, start, stop):
            yield start, stop
        start = text.find(user_id, start + 1)


def _is_part(text: str, start: int, stop: int) -> bool:
    goes_on_before = start > 0 and is_letter(text[start - 1]) and is_letter(text[start])
    goes_on_after = stop < len(text) and is_letter(text[stop]) and is_letter(text[stop - 1])
    return not (goes_on_before or goes_on_after)


def is_word(text: str, start: int, stop: int) -> bool:
    """Whether what stands there is a word of its own: `ann` is none in `ann.lee` nor in `ann-2`."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    ends_sentence = after == "." and (stop + 1 == len(text) or text[stop + 1].isspace())
    return not _is_of_a_word(before) and (ends_sentence or not _is_of_a_word(after))


def _is_of_a_word(character: str) -> bool:
    return character != "" and (character in WORD_PARTS or is_letter(character))


def is_letter(character: str) -> bool:
    """A letter, a digit, or a mark on one."""
    return unicodedata.category(character)[0] in "LNM"


def forms(user_id: str) -> tuple[str, ...]:
    """The id as it may be encoded: an accent may be a character of its own."""
    return tuple(dict.fromkeys([user_id, *(unicodedata.normalize(form, user_id) for form in ("NFC", "NFD"))]))


def spellings(user_id: str) -> list[bytes]:
    """What a file or a document holds where it holds the id: as it is, or escaped once or twice."""
    once = [json.dumps(user_id)[1:-1], json.dumps(user_id, ensure_ascii=False)[1:-1]]
    escaped = [user_id, *once, *(re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), text) for text in once)]
    twice = [json.dumps(text)[1:-1] for text in escaped]
    return list(dict.fromkeys(text.encode() for text in (*escaped, *twice)))


def codes(user_id: str) -> list[bytes]:
    """What base64 holds where it holds the id, wherever that begins. Of a short id it is two or three letters, found anywhere."""
    return [code for before in range(3) if len(code := _core_of_base64(user_id.encode(), before)) > 1]


def _core_of_base64(content: bytes, before: int) -> bytes:
    """Those characters of its base64 that depend on nothing beside it, where so many bytes are before it."""
    code = base64.b64encode(b"\0" * before + content)
    known = (before + len(content)) * 8 // 6
    return code[-(-before * 8 // 6) : known]


def can_be_told(user_id: str) -> bool:
    """Whether the id in a text can be nothing but the person.

    A number, a single letter and a word of govpulse's own, such as `failed`, are looked for as a whole value where users are, and
    nowhere else.
    """
    has_letters = any(character.isalpha() for character in user_id)
    return has_letters and len(user_id) > 1 and user_id.casefold() not in own_words()


@cache
def own_words() -> frozenset[str]:
    """The words of which the catalogue is written."""
    said = [[table.schema, table.name, table.description] for table in TABLES.values()]
    said += [[column.name, column.description, *column.allowed] for table in TABLES.values() for column in table.columns]
    return frozenset(word for texts in said for text in texts for word in (text.casefold(), *re.findall(r"\w+", text.casefold())))


def in_document(document: str, change: Callable[[str], str]) -> str:
    """A JSON document whose texts, and names, went through `change`; what is none goes through it whole.

    The document stays as it is, to the byte, where nothing changes.
    """
    try:
        parsed = json.loads(document)
    except ValueError:
        return change(document)
    changed = _each_text(parsed, lambda text: _within(text, change))
    return document if changed == parsed else json.dumps(changed, ensure_ascii=document.isascii())


def _each_text(part: Any, change: Callable[[str], str]) -> Any:
    if isinstance(part, str):
        return change(part)
    if isinstance(part, list):
        return [_each_text(each, change) for each in part]
    if isinstance(part, dict):
        return {change(name): _each_text(each, change) for name, each in part.items()}
    return part


def _within(text: str, change: Callable[[str], str]) -> str:
    """A text of a document may be a document itself."""
    if text[:1] in ("{", "[", '"') and "\\" in text:
        return in_document(text, change)
    return change(text)


def in_base64(text: str, change: Callable[[str], str]) -> str:
    """The text whose base64 went through `change`, where that stands for text."""
    for code, altchars in ((URL_SAFE_BASE64, b"-_"), (BASE64, b"+/")):
        text = code.sub(partial(_recoded, altchars, change), text)
    return text


def _recoded(altchars: bytes, change: Callable[[str], str], found: re.Match[str]) -> str:
    code = found[0]
    if code.startswith(PNG):
        return code
    try:
        stands_for = base64.b64decode(code + "=" * (-len(code) % 4), altchars).decode()
    except (binascii.Error, UnicodeDecodeError):
        return code
    changed = change(stands_for)
    return code if changed == stands_for else base64.b64encode(changed.encode(), altchars).decode()
