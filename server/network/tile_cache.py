"""Tiles already cut, kept in memory up to a number of bytes; the least recently used go first.

A tile of one import never changes, so nothing here ever expires. Not here: cutting tiles
(`queries`), what browsers keep (`http`).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from geo.tiles import Tile

TileKey = tuple[UUID, int, str, Tile]
"""Company, import version, layer, square: one company's tile can never answer another's."""


@dataclass(frozen=True, slots=True)
class KeptTile:
    """One layer of one tile and its entity tag (RFC 9110, quoted)."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> KeptTile:
        """The tile with its tag, which follows from the content alone."""
        digest = hashlib.sha256(content).hexdigest()[:24]
        return cls(content, f'"{digest}"')


class TileCache:
    """One process's tiles. `max_bytes` counts contents; an empty tile counts as a few bytes."""

    _OVERHEAD_BYTES = 400
    """What a key and its place cost, so that a million empty tiles do not count as nothing."""

    def __init__(self, max_bytes: int = 64_000_000) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tiles: OrderedDict[TileKey, KeptTile] = OrderedDict()

    def get(self, key: TileKey) -> KeptTile | None:
        """The tile, now the most recently used; None when it is not kept."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def put(self, key: TileKey, tile: KeptTile) -> None:
        """Keep a tile and let go of as many old ones as it takes."""
        replaced = self._tiles.pop(key, None)
        if replaced is not None:
            self._bytes -= self._cost(replaced)
        self._tiles[key] = tile
        self._bytes += self._cost(tile)
        while self._bytes > self._max_bytes and len(self._tiles) > 1:
            _, dropped = self._tiles.popitem(last=False)
            self._bytes -= self._cost(dropped)

    @classmethod
    def _cost(cls, tile: KeptTile) -> int:
        return len(tile.content) + cls._OVERHEAD_BYTES
