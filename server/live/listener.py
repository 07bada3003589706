"""The one dedicated database connection of a hub: hears the bell, reads what it rang for.

It reads only, outside the pool, so that delivering never competes with dispatching for a
connection. Not here: who receives what (`hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import LiteralString, Self
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.engine import make_url

from server.db.rows import COMPANY_SETTING
from server.feed.actions import CHANNEL
from server.live.frames import Change, change_piece
from server.live.queries import CHANGES, COUNTER, POSITIONS
from server.tracking.wire import Position

ANSWER_WITHIN_S = 10.0
"""A reading that takes longer means a dead link, not a slow query."""
READ_LIMIT = 1000
"""Changes fetched at once."""

LOST = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)
"""What a lost link looks like."""


@dataclass(frozen=True, slots=True)
class Rung:
    """The bell rang: the company's feed reached at least `seq`."""

    company_id: UUID
    seq: int


def _libpq_url(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Listener:
    """An open connection that listens. Use as an async context manager; raises LOST's errors."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self._company: UUID | None = None
        self._wake = asyncio.Event()
        self._bells: list[Rung] = []
        # Bells that arrive in the middle of a reading are handed over by psycopg itself.
        connection.add_notify_handler(lambda bell: self._ring(bell.payload))

    @classmethod
    async def connect(cls, database_url: str) -> Listener:
        """Connect and listen; from here on no bell is missed."""
        connection = await psycopg.AsyncConnection.connect(
            _libpq_url(database_url),
            autocommit=True,
            application_name="changming feed hub",
            options="-c default_transaction_read_only=on",
            keepalives_idle=20,
            keepalives_interval=5,
            keepalives_count=3,
            prepare_threshold=2,
        )
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
        except BaseException:
            # Cancelled between the two: a process that stops just then leaves nothing open.
            await connection.close()
            raise
        return cls(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    def wake(self) -> None:
        """Make `rung` return soon although no bell rang (a company just got its first listener)."""
        self._wake.set()

    async def rung(self, timeout_s: float) -> list[Rung]:
        """The bells heard, waiting up to `timeout_s` for the first; empty on time-out or `wake`."""
        loop = asyncio.get_running_loop()
        heard = self._heard()
        if heard or self._wake.is_set():
            self._wake.clear()
            return heard
        # Waiting is done here and not inside psycopg, so that `wake` can end it.
        descriptor = self._connection.fileno()
        loop.add_reader(descriptor, self._wake.set)
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return []
        finally:
            loop.remove_reader(descriptor)
        self._wake.clear()
        return self._heard()

    def _heard(self) -> list[Rung]:
        link = self._connection.pgconn
        link.consume_input()
        while bell := link.notifies():
            self._ring(bell.extra.decode())
        heard, self._bells = self._bells, []
        return heard

    def _ring(self, payload: str) -> None:
        company, _, seq = payload.partition(":")
        self._bells.append(Rung(UUID(company), int(seq)))

    async def alive(self) -> None:
        """Raise if the link is dead."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._connection.execute("SELECT 1")

    async def changes(self, company_id: UUID, after: int) -> Sequence[Change]:
        """Up to READ_LIMIT changes numbered above `after`, ascending, for desks and crews alike."""
        rows = await self._rows(company_id, CHANGES, (company_id, after, READ_LIMIT))
        return [
            Change(seq, kind, crew_id, change_piece(seq, kind, subject_id, version, body))
            for seq, kind, subject_id, version, body, crew_id in rows
        ]

    async def newest_seq(self, company_id: UUID) -> int:
        """The number of the company's newest change; 0 before the first."""
        rows = await self._rows(company_id, COUNTER, (company_id,))
        return int(rows[0][0]) if rows else 0

    async def positions(self, company_id: UUID, since: datetime) -> list[Position]:
        """Newest positions recorded at or after `since` (business time), one for each crew."""
        rows = await self._rows(company_id, POSITIONS, (company_id, since))
        return [
            Position(
                crew_id=row[0],
                lon=row[1],
                lat=row[2],
                at=row[3],
                accuracy_m=row[4],
                speed_kmh=row[5],
                heading_deg=row[6],
            )
            for row in rows
        ]

    async def _rows(
        self, company_id: UUID, statement: LiteralString, params: tuple[object, ...]
    ) -> list[TupleRow]:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            if self._company != company_id:
                # For the session, not the transaction: this connection reads for one company many
                # times in a row, and each statement names the company again.
                await self._connection.execute(
                    "SELECT set_config(%s, %s, false)", (COMPANY_SETTING, str(company_id))
                )
                self._company = company_id
            cursor = await self._connection.execute(statement, params)
            return await cursor.fetchall()
