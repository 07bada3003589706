"""The faster backend: RoutingKit's customizable contraction hierarchies.

Belongs here: the same backwards search as in search, answered by pyroutingkit.
Does not belong here: anything that must work where that wheel does not exist (it is optional;
importing this module without it raises ImportError).
Source: Dibbelt, Strasser, Wagner, "Customizable Contraction Hierarchies", 2014.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pyroutingkit import INF_WEIGHT, CCHMetric, CCHTopology

from geo.conditions import Conditions
from geo.graph import RoadGraph
from geo.roads_network import FloatArray, IntArray
from geo.search import Backwards, Entries, Position, entries_to, last_metres

_KEY_FILE = "changming-graph"


class CchEngine:
    """One hierarchy over one graph, turned round so that one place can be the source.

    Two threads on one metric crash pyroutingkit (seen), so a lock guards it; a search holds it
    for milliseconds and lets other Python threads run.
    """

    complete: ClassVar[bool] = True

    def __init__(self, graph: RoadGraph, folder: Path | None = None) -> None:
        """Prepare for `graph`: five seconds for 160,000 arcs, or load it from `folder`.

        What `folder` keeps of another graph is replaced.
        """
        self._graph = graph
        self._lock = Lock()
        topology = _topology(graph, folder)
        self._metric = CCHMetric(topology)
        self._weights = _whole(graph.weight_ms)
        self._changed = np.zeros(0, dtype=np.int32)
        self._applied: Conditions | None = None
        self._metric.customize(self._weights)

    def search_back(
        self, positions: list[Position], conditions: Conditions, limit_ms: float
    ) -> Backwards:
        """All shortest paths to a place. The limit is of no use here and ignored."""
        return _Hierarchy(
            self, self._graph, positions, entries_to(self._graph, positions, conditions), conditions
        )

    def distances_ms(
        self, sources: IntArray, targets: IntArray, conditions: Conditions
    ) -> FloatArray:
        """From the end of each target to the end of each source. float64[sources, targets]."""
        with self._lock:
            self._bring_to(conditions)
            whole = self._metric.distances_many_to_many(
                sources.astype(np.uint32), targets.astype(np.uint32)
            )
        return np.where(whole >= INF_WEIGHT, np.inf, whole.astype(np.float64))

    def turns_between(self, source: int, target: int, conditions: Conditions) -> IntArray:
        """The turns of the shortest path from `target` to `source`, in driving order."""
        with self._lock:
            self._bring_to(conditions)
            _, _, turns = self._metric.query(source, target)
        return np.asarray(turns, dtype=np.int64).astype(np.int32)[::-1]

    def _bring_to(self, conditions: Conditions) -> None:
        """Make the metric's weights those of `conditions`; only what differs is touched."""
        if conditions is self._applied:
            return
        rows = np.union1d(self._changed, conditions.changed_turn)
        wanted = _whole(conditions.weight_ms[rows])
        differs = wanted != self._weights[rows]
        if differs.any():
            rows = rows[differs]
            self._weights[rows] = wanted[differs]
            self._metric.update_weights(rows.astype(np.uint32), wanted[differs])
        self._changed = conditions.changed_turn
        self._applied = conditions


@dataclass(frozen=True)
class _Hierarchy:
    """Backwards, asked of the hierarchy state by state."""

    engine: CchEngine
    graph: RoadGraph
    positions: list[Position]
    entries: Entries
    conditions: Conditions
    best_entry: dict[int, int] = field(default_factory=dict)
    """For each state asked about so far, the entry that its shortest path takes."""

    def ms_from(self, states: IntArray) -> FloatArray:
        if not len(self.entries.state) or not len(states):
            return np.full(len(states), np.inf)
        asked, which = np.unique(states, return_inverse=True)
        totals = self._totals(asked)
        self.best_entry.update(zip(asked.tolist(), totals.argmin(axis=0).tolist(), strict=True))
        best: FloatArray = totals.min(axis=0)
        return best[which]

    def metres_from(self, states: IntArray) -> FloatArray:
        length_m = self.graph.network.arc_length_m
        last_m = last_metres(self.graph, self.positions)
        metres = np.zeros(len(states))
        for k, state in enumerate(states.tolist()):
            through = self._entry(state)
            turns = self._turns(state, through)
            driven = self.graph.state_arc[self.graph.turn_into[turns]]
            metres[k] = length_m[driven].sum() + last_m[self.entries.position[through]]
        return metres

    def path_from(self, state: int) -> tuple[list[tuple[int, float]], Position]:
        entry = self._entry(state)
        turns = self._turns(state, entry)
        total_ms = float(self.conditions.weight_ms[turns].sum() + self.entries.ms[entry])
        remaining_ms = total_ms - np.cumsum(self.conditions.weight_ms[turns])
        path = list(zip(self.graph.turn_into[turns].tolist(), remaining_ms.tolist(), strict=True))
        return path, self.positions[int(self.entries.position[entry])]

    def _entry(self, state: int) -> int:
        if state not in self.best_entry:
            self.ms_from(np.array([state], dtype=np.int32))
        return self.best_entry[state]

    def _totals(self, states: IntArray) -> FloatArray:
        """Milliseconds through each entry from each state. float64[entries, states]."""
        between = self.engine.distances_ms(
            self.entries.state.astype(np.int32), states, self.conditions
        )
        totals: FloatArray = between + self.entries.ms[:, np.newaxis]
        return totals

    def _turns(self, state: int, entry: int) -> IntArray:
        return self.engine.turns_between(int(self.entries.state[entry]), state, self.conditions)


def _whole(weight_ms: FloatArray) -> npt.NDArray[np.uint32]:
    return np.asarray(np.minimum(weight_ms, INF_WEIGHT), dtype=np.uint32)


def _topology(graph: RoadGraph, folder: Path | None) -> CCHTopology:
    head, tail = graph.turn_into.astype(np.uint32), graph.turn_from.astype(np.uint32)
    key = hashlib.sha256(head.tobytes() + tail.tobytes()).hexdigest()
    topology = CCHTopology()
    if folder is not None and (folder / _KEY_FILE).is_file():
        if (folder / _KEY_FILE).read_text() == key:
            topology.load(str(folder))
            return topology
        # Forgotten first, so that a crash half-way leaves no old key on new files.
        (folder / _KEY_FILE).unlink()
    node = graph.network.arc_to[graph.state_arc]
    topology.build(
        head,
        tail,
        graph.network.node_lat[node].astype(np.float32),
        graph.network.node_lon[node].astype(np.float32),
        graph.state_count,
    )
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        topology.save(str(folder))
        (folder / _KEY_FILE).write_text(key)
    return topology
