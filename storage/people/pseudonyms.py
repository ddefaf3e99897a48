"""Ids of people that are mail addresses: what stands for them, the same for one address wherever it comes from.

Pure. An id with an `@` names somebody to everybody who reads it, and the platform's other ids do not. So a hash with the secret of
the installation stands for it: nobody can find out from it who it is by trying addresses, unless they have the secret.
"""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

AT = "@"
Addresses = Literal["hash", "refuse", "keep"]
PREFIX = "u-"
HEX_DIGITS = 16
"""64 bits: of a million people two are one with a probability of 3 in 100 million."""


@dataclass(frozen=True)
class Pseudonyms:
    """What becomes of ids that are addresses.

    Attributes:
        rule: `hash`, `refuse` the row, or `keep` them as they are.
        secret: of the installation; None: it has none yet, which `hash` cannot be without.
        salt, forgotten: by which those are known who were forgotten, as in ops.forgotten.
    """

    rule: Addresses = "keep"
    secret: bytes | None = field(default=None, repr=False)
    salt: str = field(default="", repr=False)
    forgotten: frozenset[str] = field(default=frozenset(), repr=False)

    def __str__(self) -> str:
        return f"ids with an {AT}: {self.rule}"

    def of(self, user_id: str) -> str:
        """What stands for an id; the id itself where it is no address.

        Who was forgotten under the address alone, before addresses were hashed, stays under it: the loader knows them by nothing
        else, and leaves them out.
        """
        stands = self.stand_in(user_id)
        if stands is None or (self._is_forgotten(user_id) and not self._is_forgotten(stands)):
            return user_id
        return stands

    def stand_in(self, user_id: str) -> str | None:
        """What stands for somebody; None where nothing does, for the id is no address, or nothing was ever hashed."""
        return pseudonym(user_id, self.secret) if AT in user_id and self.secret is not None else None

    def _is_forgotten(self, user_id: str) -> bool:
        return bool(self.forgotten) and hashlib.sha256(f"{self.salt}{user_id}".encode()).hexdigest() in self.forgotten


AS_THEY_ARE = Pseudonyms()


def pseudonym(user_id: str, secret: bytes) -> str:
    """What stands for an address. Blanks around it and capital letters make no other one, nor how accents are encoded."""
    address = unicodedata.normalize("NFC", unicodedata.normalize("NFC", user_id.strip()).lower())
    return PREFIX + hmac.digest(secret, address.encode(errors="surrogatepass"), "sha256").hex()[:HEX_DIGITS]
