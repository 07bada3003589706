"""The short way from the hub to a socket: one ready-made WebSocket frame for all of them.

A server's frames are not masked, so the same bytes can go to every socket of an audience, if
nothing is compressed. Where the server is uvicorn with its `websockets-sansio` protocol, they are
written to its transport as they are: no task is woken, nothing is encoded again. Everywhere else,
and whenever a socket cannot take more at once, the ordinary way through ASGI and the bounded queue
is taken (`socket`). A test holds this against the installed uvicorn.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_SEND: Final = "changming.send"
_FINAL_TEXT: Final = 0x81
"""RFC 6455 §5.2: last fragment, opcode text."""


class Frame:
    """A text message, made into a WebSocket frame once, when first wanted."""

    __slots__ = ("_wire", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The message as an unmasked, uncompressed, unfragmented text frame (RFC 6455 §5.2)."""
        if self._wire is None:
            payload = self.text.encode()
            size = len(payload)
            if size < 126:
                head = struct.pack("!BB", _FINAL_TEXT, size)
            elif size < 1 << 16:
                head = struct.pack("!BBH", _FINAL_TEXT, 126, size)
            else:
                head = struct.pack("!BBQ", _FINAL_TEXT, 127, size)
            self._wire = head + payload
        return self._wire


class DirectWire:
    """A uvicorn socket's own transport."""

    __slots__ = ("_protocol", "_writable")

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol
        self._writable = protocol.writable

    def write(self, frame: Frame) -> bool:
        """Send the frame now; False, with nothing sent, if the socket cannot take it at once."""
        protocol = self._protocol
        if (
            not self._writable.is_set()
            or protocol.close_sent
            or protocol.disconnected
            or protocol.transport.is_closing()
        ):
            return False
        protocol.transport.write(frame.wire)
        return True


def remember_send(app: Litestar) -> None:
    """Let the application's sockets find the server's own `send` behind the framework's wrappers.

    Those do for each message what only an HTTP response needs. Call once, after making the app.
    """
    inner: ASGIApp = app.asgi_handler

    async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            scope["state"][_SEND] = send
        await inner(scope, receive, send)

    app.asgi_handler = remembering


def direct_wire(scope: Scope) -> DirectWire | None:
    """The short way to an accepted socket, or None where there is none."""
    send: Any = scope["state"].get(_SEND)
    protocol = getattr(send, "__self__", None)
    if not isinstance(protocol, WebSocketsSansIOProtocol):
        return None
    if not protocol.handshake_complete or protocol.conn.extensions:
        return None
    return DirectWire(protocol)
