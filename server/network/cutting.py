"""Cutting tiles, on connections that do nothing else.

Here: the one read that is worth connections of its own. A screen asks for dozens of tiles at once,
each takes the database a few milliseconds, and a transaction around each (check the connection,
begin, name the company, read, commit) would cost as much again in journeys. Not here: the
statement (`geo.tiles`), keeping tiles (`tile_cache`).

These connections are never lent to anything else, which is why the company may be named for the
session and not for the transaction: each remembers whose it is, and is told when that changes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from geo.tiles import Tile, tile_statement
from server.db import Database
from server.db.rows import COMPANY_SETTING
from server.network.tables import MapFeature

MOST_CONNECTIONS = 4
"""More would only make the database's processors take turns."""


@dataclass(slots=True)
class _Knife:
    """One connection of the application's role, and the company it last read for."""

    connection: psycopg.AsyncConnection
    company_id: UUID | None = None


class TileCutter:
    """Cuts tiles of any company, a few at a time; further requests wait their turn.

    Belongs to one process and one database, and is closed with it.
    """

    def __init__(self, database: Database) -> None:
        url = make_url(database.settings.database_url).set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: list[_Knife] = []
        database.before_dispose.append(self.close)

    async def cut(self, company_id: UUID, version: int, layer: str, tile: Tile) -> bytes:
        """One layer of one tile (or all), as the company sees it; empty when nothing is drawn.

        Raises ConnectionError when the database does not answer.
        """
        async with self._turns:
            while self._idle:
                knife = self._idle.pop()
                try:
                    return await self._cut_with(knife, company_id, version, layer, tile)
                except psycopg.OperationalError:
                    # It had died while idle, and others with it; a fresh one decides.
                    continue
            try:
                fresh = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                return await self._cut_with(_Knife(fresh), company_id, version, layer, tile)
            except psycopg.OperationalError as error:
                raise ConnectionError("the database does not answer") from error

    async def close(self) -> None:
        """Close what is idle; called when the database's pool is disposed of."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def _cut_with(
        self, knife: _Knife, company_id: UUID, version: int, layer: str, tile: Tile
    ) -> bytes:
        """Read with this connection and keep it; close it when anything at all goes wrong."""
        statement, values = _bound(version, layer, tile)
        try:
            if knife.company_id != company_id:
                knife.company_id = None
                await knife.connection.execute(
                    "SELECT set_config(%s, %s, false)", [COMPANY_SETTING, str(company_id)]
                )
                knife.company_id = company_id
            async with knife.connection.cursor(binary=True) as cursor:
                # Planning five layers can take longer than cutting them: plan once per zoom.
                await cursor.execute(statement, values, prepare=True)
                row = await cursor.fetchone()
        except BaseException:
            await knife.connection.close()
            raise
        self._idle.append(knife)
        assert row is not None, "the statement has one row"
        return bytes(row[0])


def _bound(version: int, layer: str, tile: Tile) -> tuple[bytes, dict[str, int]]:
    """The statement in the driver's own form; it holds no per cent sign of its own."""
    statement = tile_statement(layer, tile.z, MapFeature.__tablename__)
    for name in ("version", "x", "y"):
        statement = statement.replace(f":{name}", f"%({name})s")
    return statement.encode(), {"version": version, "x": tile.x, "y": tile.y}
