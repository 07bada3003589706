"""How much of a person a screen shows: phone 138****1234, identity card 6+8*+4, name 张*.

Pure functions of a text. Not here: who may look behind a mask (the unmask route and its trace).
Source: design §2.5 (PIPL); masking is done on the server, so that a screen never holds the rest.
"""

from __future__ import annotations

import re

_COMPOUND_SURNAMES = frozenset(
    re.findall(
        "..",
        "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠"
        "公孙慕容仲孙钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁"
        "拓跋夹谷轩辕令狐段干百里呼延东郭南门羊舌微生梁丘左丘东门西门南荣第五",
    )
)


def mask_phone(phone: str) -> str:
    """138****1234 for a mobile number; of any other number only the last digits stay.

    A number of more than seven digits keeps three in front and four behind, a shorter one its last
    two. What is not a digit (spaces, hyphens, +86) is dropped first; without digits: "".
    """
    digits = re.sub(r"\D", "", phone)
    # A mobile number written with its country code shows the same digits as without it.
    if len(digits) > 11 and re.fullmatch(r"(?:00)?861\d{10}", digits):
        digits = digits[-11:]
    if len(digits) > 7:
        return f"{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}"
    return "*" * max(0, len(digits) - 2) + digits[-2:] if len(digits) > 2 else "*" * len(digits)


def mask_name(name: str) -> str:
    """张* for 张三, 欧阳** for 欧阳小明, "J*** S****" for Latin letters; "" stays "".

    The stars tell the length: operators say "张某某" by it. A lone character is wholly hidden.
    """
    words = name.split()
    if not words:
        return ""
    joined = "".join(words)
    if _is_han(joined):
        kept = 2 if len(joined) > 2 and joined[:2] in _COMPOUND_SURNAMES else 1
        kept = 0 if len(joined) == 1 else kept
        return joined[:kept] + "*" * (len(joined) - kept)
    return " ".join(word[:1] + "*" * (len(word) - 1) if len(word) > 1 else "*" for word in words)


def mask_identity_card(number: str) -> str:
    """Six characters, eight stars, four characters for an 18-character identity number.

    Of a number of another length only the last two characters stay.
    """
    plain = re.sub(r"\s", "", number)
    if len(plain) == 18:
        return f"{plain[:6]}{'*' * 8}{plain[-4:]}"
    return "*" * max(0, len(plain) - 2) + plain[-2:] if len(plain) > 2 else "*" * len(plain)


def _is_han(text: str) -> bool:
    # The middle dot joins transliterated names (买买提·吐尔逊), which start with their surname too.
    return all("\u3400" <= char <= "\u9fff" or char in "·•" for char in text)
