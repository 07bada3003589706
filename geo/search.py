"""Shortest paths on the road graph with scipy: one search, many answers.

Belongs here: the searches themselves, backwards to a place and forwards from one.
Does not belong here: snapping (graph), what answers mean (travel), polygons (reach).

A place is reached through a virtual state that is appended to the matrix for one search: its
row holds the last turn and the last part of an arc (or the first part, searching forwards).
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Entries:
    """How a place is entered: from state `state[k]`, over the rest `ms[k]`, at `position[k]`."""

    state: LongArray
    ms: FloatArray
    position: LongArray


@dataclass(frozen=True)
class Backwards:
    """All shortest paths to one place.

    `ms[s]`: from the end of state s to the place, infinite if there is none. `following[s]`: the
    next state on that path, or `state_count` when the next arc is the one the place lies on;
    then `entered_at` says which of the place's positions that is.
    """

    ms: FloatArray
    following: IntArray
    entries: Entries

    def entered_at(self, state: IntArray) -> LongArray:
        """Which candidate position of the place each of these last states leads to."""
        return self.entries.position[np.searchsorted(self.entries.state, state)]


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


def search_back(
    graph: RoadGraph, entries: Entries, conditions: Conditions, limit_ms: float = NO_LIMIT_MS
) -> Backwards:
    """Shortest times from every state to a place; states further than the limit are infinite."""
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
    return Backwards(ms[0, :count], following[0, :count], entries)


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
