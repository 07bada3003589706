"""Serving built screens: the console's and the phone's, as files of one folder.

A path that is no file is the screen itself (its router decides), but never under the folders that
belong to the API: there, nothing is nothing. Hashed assets are kept by the browser for ever, all
else is asked for again each time and mostly answered "unchanged". Not here: building them.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from server.access.guards import public

HASHED = "assets/"
"""Where the build puts files whose names change with their content."""
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml", "font/ttf")
GZIP_FROM_BYTES = 1000

SCREEN_HEADERS: Mapping[str, str] = {
    # The map engine runs workers from blobs; the component library styles inline.
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
}

NOT_BUILT = (
    "<!doctype html><meta charset=utf-8><title>Changming</title>"
    "<p>界面尚未构建，请运行 infra/up。<p>The screens are not built yet; run infra/up."
)


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent."""

    content: bytes
    zipped: bytes | None
    media_type: str
    tag: str


class Folder:
    """The files of one build, read once each. A new build is read when its index has changed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._pages: dict[str, Page] = {}
        self._built_at: int | None = None

    def page(self, path: str) -> Page | None:
        """The file at `path` inside the folder (never outside), or None."""
        self._notice_build()
        if path not in self._pages:
            file = (self._root / path).resolve()
            if not file.is_relative_to(self._root) or not file.is_file():
                return None
            self._pages[path] = _read(file)
        return self._pages[path]

    def _notice_build(self) -> None:
        index = self._root / "index.html"
        built_at = index.stat().st_mtime_ns if index.is_file() else None
        if built_at != self._built_at:
            self._pages.clear()
            self._built_at = built_at


def _read(file: Path) -> Page:
    content = file.read_bytes()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if file.suffix == ".webmanifest":
        media_type = "application/manifest+json"
    worth_zipping = len(content) >= GZIP_FROM_BYTES and media_type.startswith(COMPRESSIBLE)
    return Page(
        content=content,
        zipped=gzip.compress(content, 6) if worth_zipping else None,
        media_type=media_type,
        tag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )


def screens(root: Path, api_folders: tuple[str, ...]) -> HTTPRouteHandler:
    """The handler of everything that is no route: files of `root`, else its index.

    api_folders: first parts of paths that belong to the API, e.g. ("api", "tiles"); under them a
    path without a route is not found.
    """
    folder = Folder(root)

    @get(
        ["/", "/{path:path}"],
        guards=[public],
        include_in_schema=False,
        operation_id="screens",
        sync_to_thread=False,
    )
    def screen(request: Request[Any, Any, Any]) -> Response[bytes]:
        """A file of the screens, or the screen itself."""
        path = request.url.path.lstrip("/")
        if path.split("/", 1)[0] in api_folders:
            raise NotFoundException
        page = folder.page(path) if path else None
        if page is None and (path.startswith(HASHED) or "." in path.rsplit("/", 1)[-1]):
            raise NotFoundException
        hashed = page is not None and path.startswith(HASHED)
        page = page or folder.page("index.html")
        if page is None:
            return Response(NOT_BUILT.encode(), status_code=503, media_type="text/html")
        headers = {
            **SCREEN_HEADERS,
            "etag": page.tag,
            "cache-control": "public, max-age=31536000, immutable" if hashed else "no-cache",
            "vary": "accept-encoding",
        }
        if request.headers.get("if-none-match") == page.tag:
            return Response(b"", status_code=304, headers=headers)
        zip_it = page.zipped is not None and "gzip" in request.headers.get("accept-encoding", "")
        if page.zipped is not None and zip_it:
            headers["content-encoding"] = "gzip"
            return Response(page.zipped, media_type=page.media_type, headers=headers)
        return Response(page.content, media_type=page.media_type, headers=headers)

    return screen
