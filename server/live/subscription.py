"""One listener: a bounded queue of frames that never waits for the slow.

Not here: sockets (`socket`), where frames come from (`hub`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from uuid import UUID

from server.live.direct import DirectWire, Frame
from server.live.frames import RESNAPSHOT
from server.live.rules import Audience

QUEUE_FRAMES = 512
QUEUE_CHARACTERS = 4_000_000
"""What a slow client may leave unread; beyond that it starts over with a snapshot."""

SIGNED_OUT = 4401
"""Close code: the session or token proves nobody any more; sign in again."""
GOING_AWAY = 1012
"""Close code: this process or this view ends; connect again (IANA: service restart)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What the subscription stands on: a console session or a phone."""

    session_id: UUID | None = None
    phone_id: UUID | None = None


class Subscription:
    """Frames for one client, in order. Written by the hub, read by one socket."""

    __slots__ = (
        "_characters",
        "_frames",
        "_waiter",
        "audience",
        "backlog",
        "close_code",
        "company_id",
        "credential",
        "direct",
        "floor",
    )

    def __init__(
        self, company_id: UUID, audience: Audience, credential: Credential, floor: int
    ) -> None:
        self.company_id = company_id
        self.audience = audience
        self.credential = credential
        self.floor = floor
        """The client has everything up to this number."""
        self.backlog: tuple[int, int] | None = None
        """(after, up to): changes to be fetched from the database before the queue is read."""
        self.close_code: int | None = None
        self.direct: DirectWire | None = None
        """The short way, once the socket has caught up; frames that it takes are never queued."""
        self._frames: deque[Frame] = deque()
        self._characters = 0
        self._waiter: asyncio.Future[None] | None = None

    def push(self, frame: Frame) -> None:
        """Send a frame at once if nothing waits before it, else queue it. If the client has left
        too much unread, it is told to start over instead: everything dropped here is in the
        snapshot it will fetch.
        """
        if self.close_code is not None:
            return
        if self.direct is not None and not self._frames and self.direct.write(frame):
            return
        if len(self._frames) >= QUEUE_FRAMES or self._characters > QUEUE_CHARACTERS:
            self.start_over()
            return
        self._frames.append(frame)
        self._characters += len(frame.text)
        self._wake()

    def start_over(self) -> None:
        """Drop what is queued and ask the client for a new snapshot."""
        self.backlog = None
        self._frames.clear()
        self._frames.append(RESNAPSHOT)
        self._characters = len(RESNAPSHOT.text)
        self._wake()

    def close(self, code: int) -> None:
        """End the subscription; the socket closes with `code` as soon as it looks."""
        if self.close_code is None:
            self.close_code = code
            self._wake()

    def take(self) -> list[Frame]:
        """Everything queued now, oldest first; the queue is empty afterwards."""
        frames = list(self._frames)
        self._frames.clear()
        self._characters = 0
        return frames

    @property
    def waiting(self) -> bool:
        """Whether anything is queued."""
        return bool(self._frames)

    async def wait(self) -> None:
        """Return when something is queued or the subscription was closed."""
        if self._frames or self.close_code is not None:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
