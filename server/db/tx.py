"""One transaction: opened and committed at the edge, carried through actions as `Tx`.

The edge is an HTTP dependency, a turn of the watch, or a command; actions never commit. Not here:
what is stored, or who is asking (`server.access` proves an actor before a `Tx` is opened).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Executable, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from server.actor import Actor
from server.clock import Clock
from server.db.pool import OPENING, make_engine, open_with, opening
from server.db.rows import COMPANY_INFO
from server.settings import Settings


@dataclass(slots=True)
class Tx:
    """A transaction in progress, for one company and one actor.

    `now` is the business time at which the transaction began; everything it records bears it.
    `closing` holds what must run last before the commit (the feed's counter row is the last lock).
    """

    session: AsyncSession
    clock: Clock
    actor: Actor
    now: datetime
    closing: list[Callable[[Tx], Awaitable[None]]] = field(default_factory=list)
    touched: dict[Any, None] = field(default_factory=dict)
    """Things changed in this transaction, in order, for the feed."""

    @property
    def company_id(self) -> UUID:
        return self.actor.company_id


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Database:
    """The connection pool of one process, created by whoever starts it, never at import."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.clock = clock
        self.settings = settings
        self.before_dispose: list[Callable[[], Awaitable[None]]] = []
        self.engine: AsyncEngine = make_engine(
            settings.database_url,
            size=settings.pool_size,
            json_serializer=_encode,
            json_deserializer=msgspec.json.decode,
        )

    @asynccontextmanager
    async def begin(self, actor: Actor, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        """One transaction of `actor`'s company; commits when the block ends, rolls back on any
        exception. A failing COMMIT raises here, so the edge answers an error, never a success.

        snapshot: REPEATABLE READ, read-only (one consistent picture for a connecting screen).
        """
        session = AsyncSession(
            self.engine, expire_on_commit=False, info={COMPANY_INFO: actor.company_id}
        )
        # Leaving the block without a commit rolls back.
        async with session:
            await open_with(session, opening(actor.company_id, snapshot=snapshot))
            tx = Tx(session=session, clock=self.clock, actor=actor, now=self.clock.now())
            yield tx
            for close in tx.closing:
                await close(tx)
            await session.commit()

    @asynccontextmanager
    async def companyless(self) -> AsyncIterator[AsyncSession]:
        """A transaction before any company is known: sees no company's rows at all."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            await open_with(session, opening(None))
            yield session
            await session.commit()

    async def ask(self, statement: Executable, params: dict[str, Any]) -> Row[Any] | None:
        """The only row of a reading statement that is a transaction by itself, or None: one round
        trip. It sees no company's rows unless it says which (a database function may).
        """
        try:
            return await self._asked(statement, params)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The pooled connection had died; reading once more does no harm.
        return await self._asked(statement, params)

    async def _asked(self, statement: Executable, params: dict[str, Any]) -> Row[Any] | None:
        async with self.engine.connect() as connection:
            await connection.execution_options(**{OPENING: None})
            return (await connection.execute(statement, params)).one_or_none()

    async def dispose(self) -> None:
        """Close all connections, those that others opened beside the pool first."""
        for close in self.before_dispose:
            await close()
        await self.engine.dispose()
