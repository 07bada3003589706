"""How an address is brought into the form that is searched. Pure."""

from __future__ import annotations

import re
import unicodedata

_CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九两", "001234567892")
_TENS = re.compile(r"([1-9]?)十([1-9]?)")
_HOUSE_WORDS = (("号楼", "栋"), ("幢", "栋"), ("座", "栋"), ("房", "室"))
FEWEST_CHARACTERS = 2
"""One character matches half a town; nothing is searched for less than two."""


def normalise(address: str) -> str:
    """An address without what people say differently: 东风路 3 号楼、三号楼、3栋 become one.

    Full-width forms are narrowed, letters lower-cased, Chinese numerals below a hundred written as
    digits, 号楼/幢/座 as 栋, 房 as 室, and spaces and punctuation dropped. Both the stored
    address and the words sought go through here, so a word mangled (十字街 → 10字街) still meets
    itself.
    """
    plain = unicodedata.normalize("NFKC", address).lower().translate(_CHINESE_DIGITS)
    plain = _TENS.sub(lambda m: str(int(m[1] or "1") * 10 + int(m[2] or "0")), plain)
    plain = "".join(char for char in plain if char.isalnum())
    for said, written in _HOUSE_WORDS:
        plain = plain.replace(said, written)
    return plain


def sought_words(query: str) -> list[str]:
    """The words of a search, each normalised; all must be found. Empty when too short to search."""
    words = [normalise(word) for word in query.split()]
    words = [word for word in words if word]
    return words if sum(map(len, words)) >= FEWEST_CHARACTERS else []


def digits(phone: str) -> str:
    """A telephone number without anything but digits, and without China's country code."""
    plain = re.sub(r"\D", "", phone)
    shortened = re.fullmatch(r"(?:00)?86(1\d{10})", plain)
    return shortened[1] if shortened else plain
