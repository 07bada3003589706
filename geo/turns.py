"""Turns as columns, and the expansion of forbidden paths into shadow states.

Belongs here: the automaton that remembers "came from A, now on the via way".
Does not belong here: what a turn costs (graph).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geo.roads_network import FloatArray, IntArray, LongArray


@dataclass(frozen=True)
class Turns:
    """Allowed turns: out of one state into another, and their cost in whole milliseconds."""

    out_of: IntArray
    into: IntArray
    ms: FloatArray


_Progress = frozenset[tuple[int, int]]
"""Forbidden paths begun and how far: (path, arcs of it driven after the first)."""


def with_forbidden_paths(
    turns: Turns, path_offset: LongArray, path_arc: IntArray, arc_count: int
) -> tuple[Turns, IntArray]:
    """Add a shadow state for each (arc, paths under way) and forbid each path's last turn.

    Returns the new turns and the arc of each state. A shadow behaves as its arc does, except
    that it knows where it came from; paths that share a beginning share shadows.
    """
    states = list(range(arc_count))
    paths = [tuple(path_arc[start:end].tolist()) for start, end in pairwise(path_offset.tolist())]
    if not paths:
        return turns, np.arange(arc_count, dtype=np.int32)

    order = np.argsort(turns.out_of, kind="stable")
    sorted_from = turns.out_of[order]
    beginning: dict[int, list[int]] = {}
    for index, path in enumerate(paths):
        beginning.setdefault(path[0], []).append(index)

    shadow_of: dict[tuple[int, _Progress], int] = {}
    dropped: list[int] = []
    out_of: list[int] = []
    into: list[int] = []
    ms: list[float] = []
    pending: list[tuple[int, int, _Progress]] = [(arc, arc, frozenset()) for arc in beginning]
    while pending:
        state, arc, progress = pending.pop()
        under_way = {*progress, *((path, 0) for path in beginning.get(arc, ()))}
        low, high = np.searchsorted(sorted_from, [arc, arc + 1])
        for row in order[low:high].tolist():
            following = int(turns.into[row])
            advanced = frozenset(
                (path, driven + 1)
                for path, driven in under_way
                if paths[path][driven + 1] == following
            )
            forbidden = any(len(paths[path]) == driven + 1 for path, driven in advanced)
            if state == arc and (forbidden or advanced):
                dropped.append(row)
            if forbidden:
                continue
            target = following
            if advanced:
                key = (following, advanced)
                if key not in shadow_of:
                    shadow_of[key] = len(states)
                    states.append(following)
                    pending.append((shadow_of[key], following, advanced))
                target = shadow_of[key]
            if state != arc or advanced:
                out_of.append(state)
                into.append(target)
                ms.append(float(turns.ms[row]))
    kept = np.ones(len(turns.out_of), dtype=np.bool_)
    kept[dropped] = False
    return (
        Turns(
            np.concatenate((turns.out_of[kept], np.array(out_of, dtype=np.int32))),
            np.concatenate((turns.into[kept], np.array(into, dtype=np.int32))),
            np.concatenate((turns.ms[kept], np.array(ms, dtype=np.float64))),
        ),
        np.array(states, dtype=np.int32),
    )
