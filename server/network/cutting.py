"""Cutting a tile in one journey to the database.

Here: the one read that is worth a path of its own. A screen asks for dozens of tiles at once, and
each takes the database a few milliseconds; begun, fenced, read and ended one after the other, a
transaction would cost as much again in waiting. So all four are sent together. Not here: the
statement (`geo.tiles`), keeping tiles (`tile_cache`).
"""

from __future__ import annotations

from uuid import UUID

import psycopg

from geo.tiles import Tile, tile_statement
from server.db import Database
from server.db.rows import COMPANY_SETTING
from server.network.tables import MapFeature


async def cut_tile(
    database: Database, company_id: UUID, version: int, layer: str, tile: Tile
) -> bytes:
    """One layer of one tile (or all), as the company sees it; empty when nothing is drawn.

    Raises ConnectionError when the database does not answer.
    """
    statement = tile_statement(layer, tile.z, MapFeature.__tablename__)
    # The driver's own form of parameters; the statement holds no per cent sign of its own.
    for name in ("version", "x", "y"):
        statement = statement.replace(f":{name}", f"%({name})s")
    values = {"version": version, "x": tile.x, "y": tile.y}
    async with database.engine.connect() as pooled:
        connection = (await pooled.get_raw_connection()).driver_connection
        assert isinstance(connection, psycopg.AsyncConnection), "the only driver"
        try:
            async with connection.pipeline():
                await connection.execute(
                    "SELECT set_config(%s, %s, true)",
                    [COMPANY_SETTING, str(company_id)],
                    prepare=True,
                )
                # Planning five layers takes longer than cutting them: plan once per zoom.
                cut = await connection.execute(statement.encode(), values, prepare=True)
                await connection.commit()
            row = await cut.fetchone()
        except psycopg.OperationalError as error:
            await pooled.invalidate()
            raise ConnectionError("the database does not answer") from error
    assert row is not None, "the statement has one row"
    return bytes(row[0])
