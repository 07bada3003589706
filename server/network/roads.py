"""Travel by road as it is right now: one graph per company in memory, closures from the database.

Here: `Roads`, of which each process has one. Not here: reading and writing rows (`queries`,
`network_rows`), searching (`geo.travel`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from geo.graph import RoadGraph
from geo.travel import Closure, Conditions, Travel
from server.db import Tx
from server.network.network_rows import load_network
from server.network.queries import OpenClosure, closures_in_force, current_version_number


@dataclass(frozen=True, slots=True)
class RoadsNow:
    """Everything a travel time needs. Pass `conditions` with each question put to `travel`.

    `version` None: no roads are imported and every answer is an estimate, labelled so.
    """

    version: int | None
    travel: Travel
    conditions: Conditions | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    version: int
    travel: Travel


@dataclass(frozen=True, slots=True)
class _Applied:
    version: int
    closures: tuple[tuple[UUID, int], ...]
    conditions: Conditions | None


_NO_ROADS = Travel(None)


class Roads:
    """The road graphs of one process, built once per company and import.

    Closures are read anew for every request (one small query) and applied only when they differ
    from the last time, so a closure counts from the request after its commit. Graphs are built
    outside the event loop. While one request builds a newly imported version, others are
    answered from the version before it rather than made to wait.
    """

    def __init__(self) -> None:
        self._loaded: dict[UUID, _Loaded] = {}
        self._applied: dict[UUID, _Applied] = {}
        self._building: dict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, tx: Tx) -> RoadsNow:
        """The roads of the transaction's company, closures in force at `tx.now` included."""
        version = await current_version_number(tx)
        if version is None:
            return RoadsNow(None, _NO_ROADS, None)
        loaded = await self._graph(tx, version)
        closures = await closures_in_force(tx, tx.now)
        applied = await self._conditions(tx.company_id, loaded, closures)
        return RoadsNow(loaded.version, loaded.travel, applied.conditions)

    async def _graph(self, tx: Tx, version: int) -> _Loaded:
        known = self._loaded.get(tx.company_id)
        if known is not None and known.version == version:
            return known
        lock = self._building[tx.company_id]
        if known is not None and lock.locked():
            return known
        async with lock:
            known = self._loaded.get(tx.company_id)
            if known is not None and known.version >= version:
                return known
            network = await load_network(tx, version)
            assert network is not None, "the current version was read in this transaction"
            graph = await asyncio.to_thread(RoadGraph.build, network)
            fresh = _Loaded(version, await asyncio.to_thread(Travel, graph))
            self._loaded[tx.company_id] = fresh
            return fresh

    async def _conditions(
        self, company_id: UUID, loaded: _Loaded, closures: list[OpenClosure]
    ) -> _Applied:
        drawn = tuple((closure.id, closure.version) for closure in closures)
        last = self._applied.get(company_id)
        if last is not None and (last.version, last.closures) == (loaded.version, drawn):
            return last
        shapes = [Closure(closure.shape, closure.factor) for closure in closures]
        conditions = await asyncio.to_thread(loaded.travel.conditions, shapes)
        fresh = _Applied(loaded.version, drawn, conditions)
        self._applied[company_id] = fresh
        return fresh
