"""How much of a person a screen shows: phone 138****1234, identity card 6+8*+4, name 张*.

Pure functions of a text. Not here: who may look behind a mask (the unmask route and its trace).
Source: design §2.5 (PIPL); masking is done on the server, so that a screen never holds the rest.
"""

from __future__ import annotations

import re

_COMPOUND_SURNAMES = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 "
    "濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 "
    "公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 "
    "微生 梁丘 左丘 东门 西门 南荣 第五".split()
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
