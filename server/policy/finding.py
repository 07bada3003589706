"""One thing that is wrong with a pack, and the checks that every kind of file shares.

Not here: what is checked of clauses (`checks`), processes (`checks_processes`), papers
(`checks_papers`).
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.policy.wire_clauses import Conditions, Range
from server.policy.wire_processes import Particulars


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, at which key of which file."""

    file: str
    key: str
    why: str
    line: int | None = None
    """Where the file has no keys (a template)."""


def _plain_type(hint: object) -> type:
    """`bool`, `int`, `float` or `str` behind an optional, annotated hint."""
    if typing.get_origin(hint) is typing.Annotated:
        return _plain_type(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return _plain_type(inner[0])
    assert isinstance(hint, type), "a particular is one plain value or not known"
    return hint


PARTICULAR_TYPES: dict[str, type] = {
    name: _plain_type(hint)
    for name, hint in typing.get_type_hints(Particulars, include_extras=True).items()
}
"""Of what type each particular is."""


def repeated(file: str, table: str, ids: Sequence[str], name: str = "id") -> Iterator[Finding]:
    """A finding for every id that an earlier entry of `table` has."""
    for number, id_ in enumerate(ids):
        if id_ in ids[:number]:
            yield Finding(file, f"{table}[{number}].{name}", f"{id_} is there twice")


def condition_findings(conditions: Conditions, file: str, key: str) -> Iterator[Finding]:
    """Conditions must name particulars, each with a value of its type."""
    for name, wanted in conditions.items():
        kind = PARTICULAR_TYPES.get(name)
        where = f"{key}.{name}"
        if kind is None:
            yield Finding(file, where, f"no particular is called {name}")
        elif isinstance(wanted, Range):
            if kind not in (int, float):
                yield Finding(file, where, f"a range, but {name} is {kind.__name__}")
            yield from _range_findings(wanted, file, where)
        elif type(wanted) is not kind:
            if kind in (int, float):
                yield Finding(file, where, f"{name} is a number: give a range")
            else:
                yield Finding(file, where, f"must be {kind.__name__}, as {name} is")


def _range_findings(bounds: Range, file: str, key: str) -> Iterator[Finding]:
    lows = [low for low in (bounds.above, bounds.at_least) if low is not None]
    highs = [high for high in (bounds.below, bounds.at_most) if high is not None]
    if not all(map(math.isfinite, [*lows, *highs])):
        yield Finding(file, key, "bounds must be numbers")
    if not lows and not highs:
        yield Finding(file, key, "bounds nothing")
    if len(lows) > 1 or len(highs) > 1:
        yield Finding(file, key, "one lower and one upper bound at most")
    elif lows and highs:
        open_end = bounds.above is not None or bounds.below is not None
        if lows[0] > highs[0] or (lows[0] == highs[0] and open_end):
            yield Finding(file, key, "no number is in this range")
