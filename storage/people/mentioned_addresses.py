"""Addresses of people in texts, and what stands for them there.

Pure. Of ten thousand addresses few are in one text: each `@` in it leads to those that have the same letters before theirs.
"""

from collections.abc import Mapping

from storage.people.person import is_letter, is_word
from storage.people.pseudonyms import AT


class MentionedAddresses:
    """Addresses that may be mentioned as words, by what stands for them; in patterns, with their full stops escaped."""

    def __init__(self, stands_for: Mapping[str, str]) -> None:
        escaped = {address.replace(".", r"\."): stands for address, stands in stands_for.items()}
        self.stands_for = {**escaped, **stands_for}
        self._alike: dict[str, list[str]] = {}
        for address in sorted(self.stands_for, key=len, reverse=True):
            self._alike.setdefault(_letters_before(address, address.index(AT)), []).append(address)

    def renamed(self, text: str) -> str:
        """The text with what stands for the addresses in their places."""
        pieces, done, at = [], 0, text.find(AT)
        while at >= 0:
            address = self._found(text, at, done)
            if address is not None:
                start = at - address.index(AT)
                pieces += [text[done:start], self.stands_for[address]]
                done = start + len(address)
            at = text.find(AT, max(at + 1, done))
        return "".join([*pieces, text[done:]])

    def _found(self, text: str, at: int, done: int) -> str | None:
        """The longest address that stands around the `@`."""
        for address in self._alike.get(_letters_before(text, at), ()):
            start = at - address.index(AT)
            if start >= done and text.startswith(address, start) and is_word(text, start, start + len(address)):
                return address
        return None


def _letters_before(text: str, at: int) -> str:
    start = at
    while start and is_letter(text[start - 1]):
        start -= 1
    return text[start:at]
