"""Identities proved a moment ago, for reads so frequent and harmless that the moment will do.

Only map tiles are such: a screenful is dozens of them at once, they show roads and houses, and
asking the database for each who is asking costs more than the tile. Everything else proves the
session anew at every request. Not here: proving anybody (`queries`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from server.access.tokens import digest
from server.actor import Actor

PROOF_LASTS = timedelta(seconds=30)
"""How long after its end a session may still fetch tiles."""
MOST_KEPT = 10_000


class LatelyProved:
    """Who a cookie proved to be within the last seconds, in this process. Times are wall time."""

    def __init__(self) -> None:
        self._proofs: dict[bytes, tuple[datetime, Actor]] = {}

    def note(self, cookie: str, actor: Actor, now: datetime) -> None:
        """Remember a proof just made by the database."""
        if len(self._proofs) >= MOST_KEPT:
            self._proofs.clear()
        self._proofs[digest(cookie)] = (now, actor)

    def actor(self, cookie: str, now: datetime) -> Actor | None:
        """Whom the cookie proved a moment ago; None when the database has to be asked."""
        known = self._proofs.get(digest(cookie))
        if known is None:
            return None
        proved_at, actor = known
        return actor if now - proved_at < PROOF_LASTS else None
