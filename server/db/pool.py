"""The pool's connections, and how a transaction begins on one: in a single round trip.

psycopg begins a transaction by a trip of its own, SQLAlchemy looks whether a connection still lives
by another, and the company row-level security compares with would be a third. So connections are
opened in autocommit mode, the beginning is said by ourselves together with the company, and a
connection that turns out dead at that moment, before anything was done, is replaced. Not here: what
a transaction is for (`tx`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from server.db.rows import COMPANY_SETTING

OPENING = "changming_opening"
"""The execution option that holds what begins the connection's next transaction."""

PREPARED_MOST = 300
"""Statements a connection keeps prepared. psycopg's hundred are fewer than ours are, so that it
would forget and prepare in turn."""


def opening(company_id: UUID | None, *, snapshot: bool = False) -> str:
    """What begins a transaction of a company (None: of nobody, who sees no company's rows).

    snapshot: REPEATABLE READ, read-only.
    """
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if snapshot else "BEGIN"
    if company_id is None:
        return begin
    # One message may hold two statements only without parameters; a UUID needs no quoting.
    return f"{begin}; SET LOCAL {COMPANY_SETTING} = '{UUID(str(company_id))}'"


def make_engine(url: str, *, size: int, **options: Any) -> AsyncEngine:
    """A pool of `size` connections and as many more when all are busy."""
    engine = create_async_engine(
        url, pool_size=size, max_overflow=size, isolation_level="AUTOCOMMIT", **options
    )
    event.listen(engine.sync_engine, "connect", _keep_prepared)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


async def open_with(session: AsyncSession, how: str) -> None:
    """Begin the session's transaction by `how` (see `opening`).

    A pooled connection may have died since it was last used. SQLAlchemy throws it and all its
    elders out on noticing; nothing was done on it yet, so the next one does.
    """
    options = {OPENING: how}
    try:
        await session.connection(execution_options=options)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        await session.rollback()
        await session.connection(execution_options=options)


def _keep_prepared(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    driver: Any = connection.driver_connection
    driver.prepared_max = PREPARED_MOST


def _begin(connection: Connection) -> None:
    how = connection.get_execution_options().get(OPENING, "BEGIN")
    if how is not None:
        connection.exec_driver_sql(how)
