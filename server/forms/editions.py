"""The edition of the pack a form was issued under."""

from __future__ import annotations

from server.db import Tx
from server.policy.queries import pack_of
from server.policy.wire import Pack


async def pack_version(tx: Tx, version: str) -> Pack:
    """The pack of that version."""
    return await pack_of(tx)


async def remember(tx: Tx, pack: Pack) -> None:
    """Keep the edition for ever."""
