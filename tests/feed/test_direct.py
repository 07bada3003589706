"""The short way from the hub to a socket, held against the uvicorn that is installed.

If an upgrade of uvicorn breaks the short way, the ordinary one still works, but slowly: then these
tests say so.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from litestar import Litestar, WebSocket, websocket

from server.access.guards import public
from server.live.direct import DirectWire, Frame, direct_wire, remember_send
from tests.feed.conftest import WITHIN_S

pytestmark = pytest.mark.anyio

TEXTS = ["", "a", "燃气" * 20, "x" * 125, "x" * 126, "漏" * 500, "y" * 65535, "z" * 70_000]


@asynccontextmanager
async def serving(app: Litestar, *, compress: bool = False) -> AsyncIterator[str]:
    """Uvicorn in this very loop, on a free port, as `changming serve` configures it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, ws="websockets-sansio", ws_per_message_deflate=compress, log_config=None
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(WITHIN_S):
            while not server.started:  # noqa: ASYNC110 - uvicorn has a flag and no event
                await asyncio.sleep(0)
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await running


def app_with(found: Callable[[DirectWire | None], None], *, remember: bool = True) -> Litestar:
    """One socket that looks for the short way and sends TEXTS by it, or says there is none."""

    @websocket("/", guards=[public])
    async def door(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        wire = direct_wire(socket.scope)
        found(wire)
        if wire is None:
            await socket.send_text("the ordinary way")
        else:
            assert all(wire.write(Frame(text)) for text in TEXTS)
        await socket.close()
        assert wire is None or not wire.write(Frame("after the close"))

    app = Litestar([door], openapi_config=None)
    if remember:
        remember_send(app)
    return app


async def test_short_way_is_there_and_brings_the_same_texts() -> None:
    found: list[DirectWire | None] = []
    async with serving(app_with(found.append)) as url, websockets.connect(url) as client:
        received = [text async for text in client]
    assert received == TEXTS
    assert found[0] is not None


@pytest.mark.parametrize(
    ("compress", "remember"),
    [
        (True, True),  # Compressed frames differ for each socket.
        (False, False),
    ],
)
async def test_elsewhere_the_ordinary_way_is_taken(compress: bool, remember: bool) -> None:
    found: list[DirectWire | None] = []
    app = app_with(found.append, remember=remember)
    async with serving(app, compress=compress) as url, websockets.connect(url) as client:
        received = [text async for text in client]
    assert received == ["the ordinary way"]
    assert found == [None]


async def test_full_socket_is_left_alone() -> None:
    """A client that reads nothing: the transport says so, and nothing is added to its buffer."""
    written = 0
    full = asyncio.Event()

    @websocket("/", guards=[public])
    async def door(socket: WebSocket[Any, Any, Any]) -> None:
        nonlocal written
        await socket.accept()
        wire = direct_wire(socket.scope)
        assert wire is not None
        while wire.write(Frame("x" * 100_000)):
            written += 1
            await asyncio.sleep(0)
        full.set()
        await socket.receive_text()

    app = Litestar([door], openapi_config=None)
    remember_send(app)
    async with (
        serving(app) as url,
        websockets.connect(url, max_queue=1, max_size=None) as client,
    ):
        async with asyncio.timeout(WITHIN_S):
            await full.wait()
        assert 0 < written < 1000
        await client.send("enough")
