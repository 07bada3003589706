"""Frames: changes turned into bytes once, however many sockets they go to.

A stored change is already JSON; a frame is made by joining such pieces, never by decoding them.
Not here: who is connected (`hub`), where changes come from (`queries`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.live.direct import Frame
from server.live.rules import Audience

RESNAPSHOT = Frame('{"type":"resnapshot"}')
RING_CHANGES = 4096
"""How many of the newest changes of a company a process keeps at hand."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change as stored: `piece` is its JSON object as it stands inside a frame."""

    seq: int
    kind: str
    crew_id: UUID | None
    piece: str


def change_piece(
    seq: int, kind: str, subject_id: UUID, version: int, body: bytes | memoryview | None
) -> str:
    """The JSON object of one change; `body` is the stored JSON, None for a thing that is gone."""
    text = "null" if body is None else str(body, "utf-8")
    return f'{{"seq":{seq},"kind":"{kind}","id":"{subject_id}","version":{version},"body":{text}}}'


def changes_frame(seq: int, changes: Iterable[Change]) -> Frame:
    """A frame of changes; `seq` is how far the client is once it has laid them."""
    pieces = ",".join(change.piece for change in changes)
    return Frame(f'{{"type":"changes","seq":{seq},"changes":[{pieces}]}}')


def positions_frame(at: datetime, positions: Sequence[msgspec.Struct]) -> Frame:
    """A frame of positions, each the newest of its crew. at: business time of the look."""
    body = {"type": "positions", "at": at, "positions": positions}
    return Frame(msgspec.json.encode(body).decode())


def time_frame(now: datetime, speed: float, seq: int) -> Frame:
    """The heartbeat: business time, its speed, and how far the feed has been delivered."""
    body: dict[str, Any] = {"type": "time", "now": now, "speed": speed, "seq": seq}
    return Frame(msgspec.json.encode(body).decode())


@dataclass(slots=True)
class Batch:
    """All changes numbered above `after` and up to `last`, as one reading found them."""

    after: int
    last: int
    changes: Sequence[Change]
    _frames: dict[Audience, Frame | None] = field(default_factory=dict)

    def frame(self, audience: Audience, after: int) -> Frame | None:
        """The frame for an audience that already has everything up to `after`; None if nothing
        of it is for them. Encoded once for each audience (but for those who join in its middle).
        """
        if after >= self.last:
            return None
        if after > self.after:
            return self._encode(audience, after)
        if audience not in self._frames:
            self._frames[audience] = self._encode(audience, self.after)
        return self._frames[audience]

    def _encode(self, audience: Audience, after: int) -> Frame | None:
        seen = [
            change
            for change in self.changes
            if change.seq > after and audience.sees(change.kind, change.crew_id)
        ]
        return changes_frame(self.last, seen) if seen else None


class Ring:
    """The newest batches of one company, so that a short break costs no query."""

    def __init__(self, position: int, limit: int = RING_CHANGES) -> None:
        self._batches: deque[Batch] = deque()
        self._held = 0
        self._limit = limit
        self.position = position
        """Everything up to this number has been read."""

    def append(self, batch: Batch) -> None:
        """Take the next batch; the oldest are dropped beyond the limit."""
        if batch.after != self.position:
            raise ValueError(f"a batch after {batch.after} does not follow {self.position}")
        self._batches.append(batch)
        self._held += len(batch.changes)
        self.position = batch.last
        while self._held > self._limit and len(self._batches) > 1:
            self._held -= len(self._batches.popleft().changes)

    def covers(self, after: int) -> bool:
        """Whether every change numbered above `after` is at hand."""
        oldest = self._batches[0].after if self._batches else self.position
        return after >= oldest

    def since(self, after: int) -> list[Batch]:
        """The batches that hold changes above `after`, oldest first; only where it `covers`."""
        return [batch for batch in self._batches if batch.last > after]

    def restart(self, position: int) -> None:
        """Forget everything: the feed's numbering itself has changed (a restored database)."""
        self._batches.clear()
        self._held = 0
        self.position = position
