"""Which clocks a subject has: derived from its clauses and everything known of it, by rules alone.

The same facts, dates, pauses and cuts in any order give the same clocks. Not here: incidents
(`rules`), how a limit is reckoned (`rules_units`, `rules_sums`), the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from server.policy.wire_clauses import Clause
from server.policy.wire_limits import Every
from server.promises.rules import ClockState, state_at
from server.promises.rules_sums import Sum, reckon_sum
from server.promises.rules_units import NEVER_STOOD, Reckoning, Stood, merged, reckon
from server.promises.rules_worktime import WorkTime


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch that is not the company's time; `to_at` None: it goes on."""

    cause: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A clock ended before its fact. Starting facts count again from `next_from`."""

    at: datetime
    next_from: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """Everything known of a subject."""

    facts: Mapping[str, Sequence[datetime]]
    """Instants of each fact, rising, each once."""
    dates: Mapping[str, datetime] = field(default_factory=dict)
    pauses: Sequence[Pause] = ()
    cuts: Mapping[tuple[str, int], Cut] = field(default_factory=dict)
    """By clause and number of its clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One clock as it follows from what is known."""

    clause: Clause
    number: int
    first_at: datetime
    """The starting fact itself; `started_at` is later where something else had to come first."""
    started_at: datetime
    stopped_at: datetime | None
    cut: Cut | None
    state: ClockState
    stood: Stood
    reckoning: Reckoning
    sum: Sum | None

    @property
    def due_at(self) -> datetime | None:
        return self.reckoning.due_at

    @property
    def paused_since(self) -> datetime | None:
        """Since when it stands still, if a pause is open and it had not been late before."""
        if self.state is not ClockState.RUNNING or self.due_at is not None:
            return None
        return self.stood.since

    @property
    def standing(self) -> bool:
        """A running sum between two stretches."""
        return self.sum is not None and self.sum.standing and self.state is ClockState.RUNNING


def facts_known(reports: Iterable[tuple[str, datetime]]) -> dict[str, list[datetime]]:
    """Instants of each fact, rising, each once."""
    found: dict[str, set[datetime]] = {}
    for what, at in reports:
        found.setdefault(what, set()).add(at)
    return {what: sorted(moments) for what, moments in found.items()}


def occurrences(
    clause: Clause,
    known: Known,
    work: WorkTime,
    *,
    since: datetime | None = None,
    at_most: int | None = None,
) -> list[Occurrence]:
    """The clause's clocks, the first first.

    A clock begins with the clause's starting fact (and once all of `start_also` have happened, and
    not before the date `not_before`), and stops with the earliest stopping fact from then on. The
    starting fact told again after that begins the next; told while one runs it changes nothing.
    since: the clause came to apply then, by a change of class; what had stopped before is past.
    at_most: how many clocks there may be (none begins for a clause that no longer applies).
    """
    found: list[Occurrence] = []
    for number, first_at, stopped_at, cut in _rounds(clause, known, since):
        if at_most is not None and number > at_most:
            break
        found.append(_occurrence(clause, number, first_at, stopped_at, cut, known, work))
    return found


def _rounds(
    clause: Clause, known: Known, since: datetime | None
) -> Iterator[tuple[int, datetime, datetime | None, Cut | None]]:
    """Number, starting fact, stop and cut of each clock."""
    others = [known.facts.get(what, ()) for what in clause.start_also]
    if not all(others):
        return
    starts = known.facts.get(clause.start, ())
    stops = sorted(
        {at for what in (clause.what, *clause.stop_also) for at in known.facts.get(what, ())}
    )
    after: datetime | None = None
    inclusive = True
    number = 1
    while True:
        first_at = next(
            (at for at in starts if after is None or at > after or (inclusive and at == after)),
            None,
        )
        if first_at is None:
            return
        stopped_at = next((at for at in stops if at >= first_at), None)
        cut = known.cuts.get((clause.id, number))
        if cut is None and stopped_at is not None and since is not None and stopped_at < since:
            # Over before the clause came to apply: it is not judged again.
            after, inclusive = stopped_at, False
            continue
        if cut is not None and stopped_at is not None and stopped_at <= cut.at:
            cut = None
        if cut is not None:
            stopped_at = None
        yield number, first_at, stopped_at, cut
        number += 1
        if cut is not None:
            after, inclusive = cut.next_from, True
        elif stopped_at is None or not clause.recurs:
            return
        elif isinstance(clause.limit, Every):
            # A duty that comes round runs anew from its doing, and from being begun again after it
            # was cut.
            starts = (stopped_at, *(at for at in starts if at > stopped_at))
            after, inclusive = None, True
            stops = [at for at in stops if at > stopped_at]
        else:
            after, inclusive = stopped_at, False


def _occurrence(
    clause: Clause,
    number: int,
    first_at: datetime,
    stopped_at: datetime | None,
    cut: Cut | None,
    known: Known,
    work: WorkTime,
) -> Occurrence:
    started_at = max([first_at, *(known.facts[what][0] for what in clause.start_also)])
    if clause.not_before is not None and clause.not_before in known.dates:
        started_at = max(started_at, known.dates[clause.not_before])
    stood = stood_still(clause, known.pauses, stopped_at or (None if cut is None else cut.at))
    sum_ = None
    if clause.segments:
        sum_ = reckon_sum(clause, known.facts, started_at, stopped_at, work, stood)
        reckoning = sum_.reckoning
    else:
        reckoning = reckon(
            clause.limit,
            started_at,
            work,
            dates=known.dates,
            stood=stood,
            warn_at_percent=clause.warn_at_percent,
        )
    state = ClockState.CANCELLED if cut is not None else state_at(reckoning.due_at, stopped_at)
    return Occurrence(
        clause=clause,
        number=number,
        first_at=first_at,
        started_at=started_at,
        stopped_at=stopped_at,
        cut=cut,
        state=state,
        stood=stood,
        reckoning=reckoning,
        sum=sum_,
    )


def stood_still(clause: Clause, pauses: Iterable[Pause], until: datetime | None) -> Stood:
    """When a clock of `clause` stood still: pauses of the causes it names, up to its end."""
    if not clause.pauses:
        return NEVER_STOOD
    spans: list[tuple[datetime, datetime]] = []
    since: datetime | None = None
    for pause in pauses:
        if pause.cause not in clause.pauses or (until is not None and pause.from_at >= until):
            continue
        to_at = pause.to_at
        if until is not None:
            to_at = until if to_at is None else min(to_at, until)
        if to_at is None:
            since = pause.from_at if since is None else min(since, pause.from_at)
        else:
            spans.append((pause.from_at, to_at))
    if since is not None:
        # What overlaps the open pause ends where that begins.
        spans = [(start, min(end, since)) for start, end in spans]
    return Stood(merged(spans), since)


class Due(Protocol):
    """Anything that has a state and may have a due time."""

    @property
    def state(self) -> str: ...

    @property
    def due_at(self) -> datetime | None: ...


D = TypeVar("D", bound=Due)


def governing(clocks: Sequence[D]) -> D | None:
    """The strictest of a subject's running clocks: the earliest due. Operations follow it; all are
    shown and reported by themselves (domain.md §0.3). None when none has a due time."""
    running = [one for one in clocks if one.state == ClockState.RUNNING and one.due_at is not None]
    return min(running, key=_due_of, default=None)


def _due_of(clock: Due) -> datetime:
    assert clock.due_at is not None, "asked of clocks with a due time"
    return clock.due_at
