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
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from server.actor import Actor
from server.clock import Clock
from server.db.rows import COMPANY_INFO, COMPANY_SETTING
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
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size,
            pool_pre_ping=True,
            json_serializer=_encode,
            json_deserializer=msgspec.json.decode,
        )

    @asynccontextmanager
    async def begin(
        self, actor: Actor, *, snapshot: bool = False, connection: AsyncConnection | None = None
    ) -> AsyncIterator[Tx]:
        """One transaction of `actor`'s company; commits when the block ends, rolls back on any
        exception. A failing COMMIT raises here, so the edge answers an error, never a success.

        snapshot: REPEATABLE READ, read-only (one consistent picture for a connecting screen).
        connection: run inside an outer transaction by savepoint (tests only).
        """
        session = AsyncSession(
            connection if connection is not None else self.engine,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            info={COMPANY_INFO: actor.company_id},
        )
        async with session, session.begin():
            if snapshot:
                await session.execute(
                    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                )
            await session.execute(
                text("SELECT set_config(:name, :company, true)"),
                {"name": COMPANY_SETTING, "company": str(actor.company_id)},
            )
            tx = Tx(session=session, clock=self.clock, actor=actor, now=self.clock.now())
            yield tx
            for close in tx.closing:
                await close(tx)

    @asynccontextmanager
    async def companyless(self) -> AsyncIterator[AsyncSession]:
        """A transaction before any company is known: sees no company's rows at all."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def dispose(self) -> None:
        """Close all connections, those that others opened beside the pool first."""
        for close in self.before_dispose:
            await close()
        await self.engine.dispose()
