"""The Chinese fonts of PDFs: Noto Serif SC and Noto Sans SC (SIL Open Font License 1.1).

They come out of a Python package; only the characters used are written into a PDF. Not here: laying
a page out (`pdf`).
"""

from __future__ import annotations

from functools import cache

import pylopdf_fonts_zh_cn

SERIF = "changming-font:serif"
SANS = "changming-font:sans"

_FILES = {
    SERIF: pylopdf_fonts_zh_cn.serif_path,
    SANS: pylopdf_fonts_zh_cn.sans_path,
}


def is_font(address: str) -> bool:
    """Whether `address` is one of our fonts."""
    return address in _FILES


@cache
def font(address: str) -> bytes:
    """The font file of that address. Raises KeyError."""
    return _FILES[address]().read_bytes()
