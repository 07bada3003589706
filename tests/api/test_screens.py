"""Serving the built screens, the OpenAPI document and its reader page, with no internet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, get

from server.access.guards import public
from server.live.reader import ASSETS, description, document
from server.live.screens import screens
from server.web import EXCEPTION_HANDLERS
from tests.companies import browser

pytestmark = pytest.mark.anyio

PUBLISHED_SHA256 = {
    "swagger-ui-bundle.js": "93b7b0862a80e2786f85b560be7693c2344354ffa7e7e224f850a54349724c31",
    "swagger-ui.css": "9e576f8322132c76949da47f9bb53c891373c303ea3a761ff548ffc9de50a98c",
    "swagger-ui-standalone-preset.js": (
        "5ed085e194083a3afeb8143658e1f266665519dddfc6224c8b706acd4e80f924"
    ),
}
"""Of the same files in swagger-ui-dist 5.31.0, as its own makers publish them."""


@get("/api/known", guards=[public], operation_id="known", sync_to_thread=False)
def known() -> str:
    """A route of the API."""
    return "known"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A built screen."""
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not for anybody")
    (tmp_path / "dist" / "index.html").write_text("<!doctype html><title>长明</title>")
    (tmp_path / "dist" / "assets" / "app-1a2b.js").write_text("console.log(1);" * 200)
    (tmp_path / "dist" / "flame.svg").write_text("<svg/>")
    return tmp_path / "dist"


@pytest.fixture
async def client(build: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar(
        [known, document("/api"), screens(build, ("api", "tiles"))],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=description("Test API", "/api", "About it."),
    )
    async with browser(app) as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/incidents/42", "/sign-in"])
async def test_paths_of_the_screens_are_the_index(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert "长明" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_hashed_assets_are_kept_for_ever_and_zipped(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/app-1a2b.js", headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "console.log(1);" * 200
    plain = await client.get("/assets/app-1a2b.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text


async def test_unchanged_files_are_not_sent_again(client: httpx.AsyncClient, build: Path) -> None:
    tag = (await client.get("/")).headers["etag"]
    again = await client.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    (build / "index.html").write_text("<!doctype html><title>新版</title>")
    newer = await client.get("/", headers={"if-none-match": tag})
    assert newer.status_code == 200
    assert "新版" in newer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/unknown",
        "/api",
        "/tiles/1/roads/1/2/3.mvt",
        "/assets/old-9f9f.js",
        "/missing.png",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
    ],
)
async def test_nothing_is_nothing(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_api_routes_come_first(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/known")).text == "known"


async def test_missing_build_says_so(tmp_path: Path) -> None:
    app = Litestar([screens(tmp_path, ("api",))], openapi_config=None)
    async with browser(app) as client:
        answer = await client.get("/")
    assert answer.status_code == 503
    assert "infra/up" in answer.text


async def test_document_and_reader_need_no_internet(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/openapi.json")).json()
    assert list(found["paths"]) == ["/api/known"]
    page = await client.get("/api/docs")
    assert page.status_code == 200
    links = re.findall(r"(?:src|href)=[\"']([^\"']+)", page.text)
    assert len([link for link in links if link.startswith("/")]) == len(ASSETS)
    for link in links:
        assert link.startswith("/api/docs/assets/") or link == "data:,"
        if link.startswith("/"):
            assert (await client.get(link)).status_code == 200
    assert "//cdn" not in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert (await client.get("/api/docs/assets/index.html")).status_code == 404


async def test_reader_is_what_its_makers_published(client: httpx.AsyncClient) -> None:
    """The package that brings it is a repackaging by others."""
    for name, expected in PUBLISHED_SHA256.items():
        content = (await client.get(f"/api/docs/assets/{name}")).content
        assert hashlib.sha256(content).hexdigest() == expected, name
    assert set(ASSETS) == set(PUBLISHED_SHA256)
