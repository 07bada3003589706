"""HTML to PDF, with the Chinese fonts inside, and nothing fetched from anywhere.

Not here: what the page says (`rendering`), the fonts themselves (`fonts`).
"""

from __future__ import annotations

import importlib.util
import io
import threading

from server.forms.fonts import SANS, SERIF, font, is_font
from server.forms.rules import PdfNotHere

FONT_STYLE = "".join(
    f"@font-face{{font-family:'{family}';src:url({address})}}"
    for family, address in (
        ("Changming Serif", SERIF),
        ("Changming Sans", SANS),
    )
)
"""The layout asks for these families first, so a browser without them takes its own."""

_one_at_a_time = threading.Lock()
"""The renderer keeps caches of its own; two pages at once are not worth the doubt."""


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
            if is_font(url):
                return plutoprint.ResourceData(font(url), "font/otf")
            return plutoprint.ResourceData(b"", "text/plain")

    with _one_at_a_time:
        book = plutoprint.Book(plutoprint.PAGE_SIZE_A4)
        book.custom_resource_fetcher = OnlyFonts()
        book.load_html(page, user_style=FONT_STYLE)
        book.set_metadata(plutoprint.PDF_METADATA_TITLE, title)
        written = io.BytesIO()
        book.write_to_pdf_stream(written)
    return written.getvalue()
