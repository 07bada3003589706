"""One open socket: sends what its subscription holds, until either side ends.

For desks and phones alike. Not here: who may listen to what (`rules`, each application's http).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from litestar.connection import WebSocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect

from server.live.direct import direct_wire
from server.live.hub import Hub
from server.live.subscription import Subscription

AnySocket = WebSocket[Any, Any, State]


async def serve(socket: AnySocket, hub: Hub, subscription: Subscription) -> None:
    """Accept the socket, deliver its subscription, and end that when the socket ends.

    What the client says is not listened to. No database connection is held.
    """
    await socket.accept()
    sending = asyncio.create_task(_send(socket, hub, subscription))
    leaving = asyncio.create_task(_wait_for_leave(socket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.unsubscribe(subscription)
        for task in (sending, leaving):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        # An error in sending that is not the client's leaving is a fault and goes up.
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
            await sending


async def _send(socket: AnySocket, hub: Hub, subscription: Subscription) -> None:
    async for frame in hub.backlog(subscription):
        await socket.send_data(frame.text)
    direct = direct_wire(socket.scope)
    while True:
        # While frames taken from the queue are on their way, later ones must queue behind them.
        subscription.direct = None
        for frame in subscription.take():
            await socket.send_data(frame.text)
        if subscription.close_code is not None:
            await socket.close(code=subscription.close_code)
            return
        if not subscription.waiting:
            subscription.direct = direct
        await subscription.wait()


async def _wait_for_leave(socket: AnySocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_data(mode="text")
