"""Idempotency: the same key from the same principal gets the same answer, once computed.

The receipt is stored in the write's own transaction. A second request with the key waits on the
first one's row and then either replays its answer (committed) or does the work (rolled back).
A refusal rolls back with everything else: the client may send the same key again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from server.db import Tx
from server.feed.tables import Receipt
from server.refusal import Refusal

T = TypeVar("T")


class KeyReused(Refusal):
    """The idempotency key was used before for a different request."""

    code = "idempotency_key_reused"
    status = 422
    zh = "该幂等键已用于另一请求"
    en = "This idempotency key was already used for a different request."


async def once(
    tx: Tx,
    key: UUID,
    request: tuple[str, object],
    make: Callable[[], Awaitable[T]],
    type_: type[T],
) -> T:
    """Do `make` once per (principal, key) and remember its answer.

    request: the verb (e.g. the operation id) and the decoded body; both are hashed, so that a key
    reused for something else raises KeyReused. Returns the fresh or the remembered answer.
    """
    verb, body = request
    digest = hashlib.sha256(verb.encode() + b"\0" + msgspec.json.encode(body)).digest()
    principal = tx.actor.principal
    inserted = await tx.session.scalar(
        insert(Receipt)
        .values(principal_id=principal, key=key, request_hash=digest, recorded_at=tx.now)
        .on_conflict_do_nothing()
        .returning(Receipt.key)
    )
    mine = (Receipt.principal_id == principal) & (Receipt.key == key)
    if inserted is None:
        stored = (
            await tx.session.execute(select(Receipt.request_hash, Receipt.answer).where(mine))
        ).one()
        if stored.request_hash != digest:
            raise KeyReused
        assert stored.answer is not None, "a committed receipt has its answer"
        return msgspec.json.decode(stored.answer, type=type_)
    answer = await make()
    await tx.session.execute(update(Receipt).where(mine).values(answer=msgspec.json.encode(answer)))
    return answer
