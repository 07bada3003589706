"""HTML to PDF, with the Chinese fonts inside, and nothing fetched from anywhere.

Not here: what the page says (`rendering`). The fonts are Noto Serif SC and Noto Sans SC (SIL Open
Font License 1.1), out of a Python package; only the characters used are written into a PDF.
"""

from __future__ import annotations

import importlib.util
import io
import threading
from functools import cache

import pylopdf_fonts_zh_cn

from server.forms.rules import PdfNotHere

FACES = {
    "changming-font:serif": pylopdf_fonts_zh_cn.serif_path,
    "changming-font:sans": pylopdf_fonts_zh_cn.sans_path,
}
"""The only addresses a page may be given something from."""

FONT_STYLE = "".join(
    f"@font-face{{font-family:'{family}';src:url({address})}}"
    for family, address in (
        ("Changming Serif", "changming-font:serif"),
        ("Changming Sans", "changming-font:sans"),
    )
)
"""The layout asks for these families first, so a browser without them takes its own."""

_one_at_a_time = threading.Lock()
"""The renderer keeps caches of its own; two pages at once are not worth the doubt."""


@cache
def _font(address: str) -> bytes:
    return FACES[address]().read_bytes()


def pdf_possible() -> bool:
    """Whether this machine has the renderer (its wheels do not cover every platform)."""
    return importlib.util.find_spec("plutoprint") is not None


def to_pdf(page: str, *, title: str) -> bytes:
    """`page` as an A4 PDF. Blocks for about a tenth of a second: call it in a thread.

    Pictures and styles named by address are left out, whatever the address: a template can make
    the server neither read its files nor ask the network. Raises PdfNotHere.
    """
    if not pdf_possible():
        raise PdfNotHere
    import plutoprint

    class OnlyFonts(plutoprint.ResourceFetcher):
        """Hands out our fonts, and nothing for any other address."""

        def fetch_url(self, url: str) -> plutoprint.ResourceData:
            """The font of that address, else nothing."""
            if url in FACES:
                return plutoprint.ResourceData(_font(url), "font/otf")
            return plutoprint.ResourceData(b"", "text/plain")

    with _one_at_a_time:
        book = plutoprint.Book(plutoprint.PAGE_SIZE_A4)
        book.custom_resource_fetcher = OnlyFonts()
        book.load_html(page, user_style=FONT_STYLE)
        book.set_metadata(plutoprint.PDF_METADATA_TITLE, title)
        written = io.BytesIO()
        book.write_to_pdf_stream(written)
    return written.getvalue()
