"""The Chinese fonts of PDFs: Noto Serif SC and Noto Sans SC (SIL Open Font License 1.1).

They come out of a Python package; only the characters used are written into a PDF. Not here: laying
a page out (`pdf`).
"""

from __future__ import annotations

import struct
from functools import cache

import pylopdf_fonts_zh_cn

SERIF = "changming-font:serif"
SANS = "changming-font:sans"

_FILES = {
    SERIF: pylopdf_fonts_zh_cn.serif_path,
    SANS: pylopdf_fonts_zh_cn.sans_path,
}

RADICALS = (0x2E80, 0x2FDF)
"""CJK and Kangxi radicals: they share their drawings with whole characters (⽂ with 文)."""

_GROUP = struct.Struct(">III")


def is_font(address: str) -> bool:
    """Whether `address` is one of our fonts."""
    return address in _FILES


@cache
def font(address: str) -> bytes:
    """The font file of that address, made to read back as it was written. Raises KeyError."""
    return without_radicals(_FILES[address]().read_bytes())


def without_radicals(content: bytes) -> bytes:
    """The font without its mapping of radicals.

    A PDF says for each drawing which character it is, and the writer takes the lowest number that
    leads there: «文» would be copied and searched as the radical «⽂». Nothing is drawn otherwise.
    Works on cmap subtables of format 12, which renderers prefer. Source: OpenType 1.9, cmap.
    """
    changed = bytearray(content)
    count = struct.unpack_from(">H", content, 4)[0]
    tables = (struct.unpack_from(">4sIII", content, 12 + 16 * number) for number in range(count))
    cmap = next(start for tag, _, start, _ in tables if tag == b"cmap")
    subtables = struct.unpack_from(">H", content, cmap + 2)[0]
    starts = {
        cmap + struct.unpack_from(">I", content, cmap + 4 + 8 * number + 4)[0]
        for number in range(subtables)
    }
    for start in starts:
        if struct.unpack_from(">H", content, start)[0] == 12:
            _drop_groups(changed, start)
    return bytes(changed)


def _drop_groups(content: bytearray, start: int) -> None:
    """Leave the radicals out of the format 12 subtable at `start`; it only becomes shorter."""
    first, last = RADICALS
    count = struct.unpack_from(">I", content, start + 12)[0]
    kept = []
    for number in range(count):
        begin, end, glyph = _GROUP.unpack_from(content, start + 16 + _GROUP.size * number)
        if begin < first:
            kept.append((begin, min(end, first - 1), glyph))
        if end > last:
            after = max(begin, last + 1)
            kept.append((after, end, glyph + after - begin))
    if len(kept) > count:
        return  # One group across all radicals: there is no room to split it.
    for number, group in enumerate(kept):
        _GROUP.pack_into(content, start + 16 + _GROUP.size * number, *group)
    struct.pack_into(">I", content, start + 4, 16 + _GROUP.size * len(kept))
    struct.pack_into(">I", content, start + 12, len(kept))
