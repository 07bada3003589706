"""Each application's own description: the OpenAPI document and a page to read it, offline.

The page is Swagger UI from a package installed with the server; nothing is fetched from anywhere.
Not here: the screens (`screens`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.enums import MediaType, OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.params import FromPath
from swagger_ui_bundle import swagger_ui_path

from server.access.guards import public

ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
"""The files of the package that the page needs, and nothing else of it."""

PAGE_HEADERS = {
    # Litestar's page starts Swagger UI by an inline script, and Swagger UI styles inline.
    "content-security-policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
}


class ReaderPage(SwaggerRenderPlugin):
    """Swagger UI at the root of its router, its assets beside it."""

    def __init__(self, docs_path: str) -> None:
        super().__init__(
            path="/",
            js_url=f"{docs_path}/assets/swagger-ui-bundle.js",
            css_url=f"{docs_path}/assets/swagger-ui.css",
            standalone_preset_js_url=f"{docs_path}/assets/swagger-ui-standalone-preset.js",
            favicon='<link rel="icon" href="data:,">',
        )

    def receive_router(self, router: Router) -> None:
        """Serve the assets; sign-in by OAuth, which the parent has a page for, is not ours."""
        router.register(_asset)


@get("/assets/{name:str}", sync_to_thread=False)
def _asset(name: FromPath[str]) -> Response[bytes]:
    """One file of the reader page."""
    if name not in ASSETS:
        raise NotFoundException
    headers = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}
    return Response(_read(name), media_type=ASSETS[name], headers=headers)


@cache
def _read(name: str) -> bytes:
    return bytes((swagger_ui_path / name).read_bytes())


def _guarded(response: Response[Any]) -> Response[Any]:
    if response.media_type == MediaType.HTML:
        response.headers.update(PAGE_HEADERS)
    return response


def description(title: str, path: str, about: str) -> OpenAPIConfig:
    """The OpenAPI settings of an application: a page to read the document at `<path>/docs`.

    Open to anybody: the program is, and the document tells nothing of any company.
    """
    docs_path = f"{path}/docs"
    return OpenAPIConfig(
        title=title,
        version="1",
        description=about,
        use_handler_docstrings=True,
        openapi_router=Router(
            docs_path,
            route_handlers=[],
            guards=[public],
            include_in_schema=False,
            after_request=_guarded,
        ),
        render_plugins=[ReaderPage(docs_path)],
    )


def document(path: str) -> HTTPRouteHandler:
    """The handler of `<path>/openapi.json`."""

    @get(
        f"{path}/openapi.json",
        guards=[public],
        include_in_schema=False,
        operation_id="openapi_document",
        media_type=OpenAPIMediaType.OPENAPI_JSON,
        sync_to_thread=False,
    )
    def openapi_document(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """This application's OpenAPI document."""
        return request.app.openapi_schema.to_schema()

    return openapi_document
