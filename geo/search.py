"""Shortest paths on the road graph with scipy: one search, many answers.

Belongs here: the searches themselves, backwards to a place and forwards from one.
Does not belong here: snapping (graph), what answers mean (travel), polygons (reach).

A place is reached through a virtual state that is appended to the matrix for one search: its
row holds the last turn and the last part of an arc (or the first part, searching forwards).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.conditions import CLOSED_MS, Conditions
from geo.graph import RoadGraph
from geo.roads_network import FloatArray, IntArray, LongArray

NO_LIMIT_MS = CLOSED_MS / 1000.0
"""Thirty years: cuts off closed turns and nothing else."""


@dataclass(frozen=True)
class Position:
    """One candidate position of a place: where on which arc, and the gap in milliseconds."""

    arc: int
    fraction: float
    gap_m: float
    gap_ms: float


class Backwards(Protocol):
    """All shortest paths to one place, whichever backend found them.

    A state counts as driven: times and metres begin at its end. The last part of a path, on the
    arc the place lies on, is not a state; it is told by the place's position.
    """

    def ms_from(self, states: IntArray) -> FloatArray:
        """Milliseconds from each state to the place, gap included; infinite if there is no way."""
        ...

    def metres_from(self, states: IntArray) -> FloatArray:
        """Metres from each state to the place, gap included. Only where `ms_from` is finite."""
        ...

    def path_from(self, state: int) -> tuple[list[tuple[int, float]], Position]:
        """The states driven after this one, each with the milliseconds then remaining, and the
        position at which the place is met. Only where `ms_from` is finite."""
        ...


class Engine(Protocol):
    """A backend: something that searches backwards."""

    @property
    def complete(self) -> bool:
        """Whether a search answers for all states whatever the limit."""
        ...

    def search_back(
        self, positions: list[Position], conditions: Conditions, limit_ms: float
    ) -> Backwards:
        """All shortest paths to a place; a backend may leave out those beyond the limit."""
        ...


@dataclass(frozen=True)
class Entries:
    """How a place is entered: from state `state[k]` (ascending, once each), over the last turn
    and part of an arc, gap included, in `ms[k]`, at the place's position `position[k]`."""

    state: LongArray
    ms: FloatArray
    position: LongArray


def entries_to(graph: RoadGraph, positions: list[Position], conditions: Conditions) -> Entries:
    """The turns that lead onto the arcs a place lies on, the cheapest for each state before."""
    states: list[IntArray] = []
    costs: list[FloatArray] = []
    owners: list[LongArray] = []
    for index, position in enumerate(positions):
        last_ms = conditions.along_ms(position.arc, 0.0, position.fraction) + position.gap_ms
        if not np.isfinite(last_ms):
            continue
        for onto in (position.arc, *graph.shadows.get(position.arc, ())):
            rows = slice(int(graph.into_offset[onto]), int(graph.into_offset[onto + 1]))
            before = graph.turn_from[rows]
            states.append(before)
            costs.append(graph.turn_ms[rows] + last_ms)
            owners.append(np.full(len(before), index, dtype=np.int64))
    if not states:
        nothing = np.zeros(0, dtype=np.int64)
        return Entries(nothing, np.zeros(0), nothing)
    state, ms, owner = np.concatenate(states), np.concatenate(costs), np.concatenate(owners)
    order = np.lexsort((ms, state))
    state, ms, owner = state[order], ms[order], owner[order]
    cheapest = np.ones(len(state), dtype=np.bool_)
    cheapest[1:] = state[1:] != state[:-1]
    return Entries(state[cheapest].astype(np.int64), ms[cheapest], owner[cheapest])


@dataclass(frozen=True)
class DijkstraEngine:
    """scipy's Dijkstra: everywhere, no preparation, one search for any number of origins."""

    graph: RoadGraph
    complete: ClassVar[bool] = False

    def search_back(
        self, positions: list[Position], conditions: Conditions, limit_ms: float
    ) -> Backwards:
        """One search over all states nearer than the limit; those beyond are infinite."""
        graph = self.graph
        entries = entries_to(graph, positions, conditions)
        count = graph.state_count
        matrix = csr_array(
            (
                np.concatenate((conditions.weight_ms, entries.ms)),
                np.concatenate((graph.turn_from, entries.state.astype(np.int32))),
                np.append(graph.into_offset, np.int32(len(graph.turn_from) + len(entries.state))),
            ),
            shape=(count + 1, count + 1),
        )
        ms, following = dijkstra(
            matrix, indices=np.array([count]), return_predecessors=True, limit=limit_ms
        )
        return _Tree(graph, positions, entries, ms[0, :count], following[0, :count])


@dataclass(frozen=True)
class _Tree:
    """Backwards as a search tree: `following[s]` is the next state, `state_count` the place."""

    graph: RoadGraph
    positions: list[Position]
    entries: Entries
    ms: FloatArray
    following: IntArray

    def ms_from(self, states: IntArray) -> FloatArray:
        return self.ms[states]

    def metres_from(self, states: IntArray) -> FloatArray:
        length_m = self.graph.network.arc_length_m
        last_m = last_metres(self.graph, self.positions)
        metres = np.zeros(len(states))
        walking = np.arange(len(states))
        state = states
        # All origins walk at once, one arc a step, and drop out as they arrive.
        while len(walking):
            ahead = self.following[state]
            arrived = ahead == self.graph.state_count
            if arrived.any():
                metres[walking[arrived]] += last_m[self._entered(state[arrived])]
                walking, ahead = walking[~arrived], ahead[~arrived]
            state = ahead
            metres[walking] += length_m[self.graph.state_arc[state]]
        return metres

    def path_from(self, state: int) -> tuple[list[tuple[int, float]], Position]:
        path: list[tuple[int, float]] = []
        while (ahead := int(self.following[state])) != self.graph.state_count:
            state = ahead
            path.append((state, float(self.ms[state])))
        last = int(self._entered(np.array([state], dtype=np.int32))[0])
        return path, self.positions[last]

    def _entered(self, states: IntArray) -> LongArray:
        return self.entries.position[np.searchsorted(self.entries.state, states)]


def last_metres(graph: RoadGraph, positions: list[Position]) -> FloatArray:
    """Metres from the beginning of each position's arc to the place, gap included."""
    length_m = graph.network.arc_length_m
    return np.array([p.fraction * length_m[p.arc] + p.gap_m for p in positions])


def search_ahead(
    graph: RoadGraph, positions: list[Position], conditions: Conditions, limit_ms: float
) -> FloatArray:
    """Shortest times from a place to the end of every state. Milliseconds, float64[S]."""
    count = graph.state_count
    firsts: dict[int, float] = {}
    for position in positions:
        first_ms = conditions.along_ms(position.arc, position.fraction, 1.0) + position.gap_ms
        if np.isfinite(first_ms):
            firsts[position.arc] = min(first_ms, firsts.get(position.arc, first_ms))
    order, head, offset = graph.ahead
    first_state = np.array(sorted(firsts), dtype=np.int32)
    matrix = csr_array(
        (
            np.concatenate((conditions.weight_ms[order], [firsts[int(s)] for s in first_state])),
            np.concatenate((head, first_state)),
            np.append(offset, np.int32(len(head) + len(first_state))),
        ),
        shape=(count + 1, count + 1),
    )
    ms = dijkstra(matrix, indices=np.array([count]), limit=limit_ms)
    return ms[0, :count]
