"""Random clocks for tests of reports, and what a report should say of them, counted by hand.

Belongs here: rows as they might have come about, and a slow, obvious count that shares nothing with
the report's own. Does not belong here: the real ways by which clocks come about (other tests).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.db import Tx, new_id
from server.incidents.tables import Incident
from server.policy.wire import Clause
from server.promises.tables import (
    PromiseClock,
    PromisePause,
    PromiseRound,
    PromiseTerms,
    ReportedFact,
)
from server.reporting.wire import Cell
from tests.worktimes import NINE, SHANGHAI, clause

MINUTE = timedelta(minutes=1)
WHOSE = {"HIS": "customer", "HERS": "customer", "OFFICE": "authority", "STORM": "nature",
         "BUILDER": "contractor", "OURS": "company", "WHO": None}  # fmt: skip
CAUSES = [
    {"code": code, "zh": code, "en": code, "source": "test", "whose": whose}
    for code, whose in WHOSE.items()
]
PAUSES = ["HIS", "HERS", "OFFICE", "STORM", "BUILDER", "OURS", "WHO"]

CASE_CLAUSES = (
    clause(id="A", limit={"unit": "hour", "value": 24}, pauses=PAUSES),
    # The same clause, later tightened and published.
    clause(id="A", limit={"unit": "hour", "value": 12}, pauses=PAUSES[:2]),
    clause(id="A", limit={"unit": "hour", "value": 12}, standing="default", own_promise=False),
    clause(id="B", limit={"unit": "none"}, standing="target", own_promise=False),
    clause(id="C", limit={"unit": "on_date", "name": "contract_date"}),
    clause(
        id="S", limit={"unit": "working_day", "value": 8}, sum="whole_days", pauses=PAUSES,
        segments=[{"start": "s1", "stop": "e1"}, {"start": "s2", "stop": "e2"}],
    ),
)  # fmt: skip
INCIDENT_CLAUSES = (
    clause(id="T34", subject="incident", start="alarm_received", what="arrived",
           limit={"unit": "minute", "value": 30}),
    clause(id="T34", subject="incident", start="alarm_received", what="arrived",
           limit={"unit": "minute", "value": 30}, standing="law", own_promise=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """One clock as it was made, with everything around it."""

    id: UUID
    clause: Clause
    subject_id: UUID
    drill: bool
    zone: str | None
    class_: str | None
    process: str | None
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    state: str
    exemption: str
    provisional: bool
    pauses: Sequence[tuple[str, datetime, datetime | None]] = ()
    facts: Sequence[tuple[str, datetime]] = field(default=())

    @property
    def key(self) -> tuple[str, str, str]:
        return (
            self.clause.id,
            self.clause.standing.value,
            msgspec.json.encode(self.clause.limit).decode(),
        )


def make(random_: random.Random, count: int, now: datetime) -> list[Made]:
    """Clocks that started in the ten weeks before `now`, on whole minutes."""
    return [_make_one(random_, now) for _ in range(count)]


def _make_one(random_: random.Random, now: datetime) -> Made:
    chosen = random_.choice([*CASE_CLAUSES, *INCIDENT_CLAUSES])
    incident = chosen.subject == "incident"
    started_at = now - random_.randint(0, 70 * 24 * 60) * MINUTE
    if random_.random() < 0.2:
        # On the very edge of a month of Guizhou.
        started_at = datetime(2026, random_.choice([10, 11]), 1, tzinfo=SHANGHAI).astimezone(UTC)
        started_at += random_.choice([-1, 0, 1]) * MINUTE
    length = random_.choice([30, 60, 24 * 60, 3 * 24 * 60]) * MINUTE
    due_at = started_at + length if random_.random() < 0.85 else None
    if chosen.limit.__class__.__name__ == "Unlimited":
        due_at = None
    stopped_at = None
    if random_.random() < 0.7:
        stopped_at = started_at + random_.choice([
            random_.randint(-5, 0) * MINUTE, length, length + MINUTE,
            random_.randint(1, 4 * 24 * 60) * MINUTE,
        ])  # fmt: skip
    if stopped_at is None and due_at is not None and random_.random() < 0.3:
        # Due at this very instant, which is not late yet, or a minute to either side.
        due_at = now + random_.choice([-1, 0, 1]) * MINUTE
    if stopped_at is None:
        state = random_.choice(["running", "running", "cancelled"])
    else:
        state = "met" if due_at is None or stopped_at <= due_at else "late"
    return Made(
        id=new_id(),
        clause=chosen,
        subject_id=new_id(),
        drill=random_.random() < 0.2,
        zone=random_.choice([None, "Z1", "Z2"]),
        class_=random_.choice(["P0", "P1"] if incident else [None, "small", "other"]),
        process=None if incident else random_.choice([None, "P01", "P02"]),
        started_at=started_at,
        due_at=due_at,
        stopped_at=stopped_at,
        state=state,
        exemption=random_.choice(["none", "none", "claimed", "granted", "refused"]),
        provisional=random_.random() < 0.1,
        pauses=() if incident else _pauses(random_, started_at),
        facts=_facts(random_, started_at) if chosen.segments else (),
    )


def _pauses(
    random_: random.Random, started_at: datetime
) -> list[tuple[str, datetime, datetime | None]]:
    found: list[tuple[str, datetime, datetime | None]] = []
    for cause in random_.sample(PAUSES, random_.choice([0, 0, 1, 3])):
        begins = started_at + random_.randint(-600, 4000) * MINUTE
        open_ = random_.random() < 0.2
        found.append((cause, begins, None if open_ else begins + random_.randint(0, 3000) * MINUTE))
    return found


def _facts(random_: random.Random, started_at: datetime) -> list[tuple[str, datetime]]:
    return [
        (random_.choice(["s1", "e1", "s2", "e2"]), started_at + minutes * MINUTE)
        for minutes in sorted(random_.sample(range(-100, 5000), random_.randint(0, 10)))
    ]


async def store(tx: Tx, made: Iterable[Made]) -> None:
    """Write the clocks down with what they stand on."""
    for number, one in enumerate(made):
        incident = one.clause.subject == "incident"
        round_id = new_id() if incident else None
        terms_id = None if incident else new_id()
        if incident:
            tx.session.add(_incident(one, number))
            tx.session.add(_round(one, round_id))
        else:
            tx.session.add(_terms(one, terms_id))
        await tx.session.flush()
        tx.session.add(_clock(one, round_id, terms_id))
        for cause, begins, ends in one.pauses:
            tx.session.add(
                PromisePause(
                    id=new_id(), subject_kind="case", subject_id=one.subject_id, case_id=None,
                    cause=cause, from_at=begins, to_at=ends, words="x", evidence="x",
                    automatic=False, entered_at=begins, entered_by=None, entered_by_name="x",
                    ended_by_name=None,
                )
            )  # fmt: skip
        for what, at in one.facts:
            tx.session.add(
                ReportedFact(
                    id=new_id(), subject_kind="case", subject_id=one.subject_id, what=what, at=at,
                    recorded_at=at, crew_id=None, actor_id=None, actor_name="x",
                )
            )  # fmt: skip
    await tx.session.flush()


def _round(one: Made, id_: UUID | None) -> PromiseRound:
    return PromiseRound(
        id=id_, subject_kind="incident", subject_id=one.subject_id, number=1,
        alarm_received_at=one.started_at, class_=one.class_, area="urban", ended_reason=None,
    )  # fmt: skip


def _terms(one: Made, id_: UUID | None) -> PromiseTerms:
    return PromiseTerms(
        id=id_, subject_kind="case", subject_id=one.subject_id, number=1, pack_version="t",
        clauses=[], causes=CAUSES, opens=NINE, closes=NINE, case_id=None, zone_code=one.zone,
        customer_class=one.class_, process=one.process, drill=one.drill, began_at=one.started_at,
        reason=None, ended_at=None, ended_reason=None,
    )  # fmt: skip


def incident_row(id_: UUID, number: str, at: datetime, **more: Any) -> Incident:
    """An incident of no particular kind."""
    given: dict[str, Any] = {
        "id": id_, "number": number, "drill": False, "state": "closed", "class_": "P1",
        "class_rule": "test", "pack_version": "t", "received_at": at, "words": "漏气", "facts": {},
        "calls_count": 1, "place_text": "明德路 12 号", "place_datum": "wgs84",
        "setting": "indoor", "confidence": "pin", "area": "urban",
    }  # fmt: skip
    return Incident(**given | more)


def _incident(one: Made, number: int) -> Incident:
    return incident_row(
        one.subject_id, f"R{number}", one.started_at, drill=one.drill, zone_code=one.zone,
        class_=one.class_,
    )  # fmt: skip


def _clock(one: Made, round_id: UUID | None, terms_id: UUID | None) -> PromiseClock:
    return PromiseClock(
        id=one.id, round_id=round_id, terms_id=terms_id, case_id=None, number=1,
        subject_kind=one.clause.subject.value, subject_id=one.subject_id, what=one.clause.what,
        clause_id=one.clause.id, clause=msgspec.to_builtins(one.clause), pack_version="t",
        started_at=one.started_at, due_at=one.due_at, warn_at=[], stopped_at=one.stopped_at,
        unknown_year=2027 if one.provisional else None, state=one.state, exemption=one.exemption,
        ended_reason="=cmd" if one.state == "cancelled" else None,
        arithmetic_zh="算", arithmetic_en="sum",
    )  # fmt: skip


# --- counted by hand ----------------------------------------------------------------------------


def month_of(one: Made, zone: ZoneInfo = SHANGHAI) -> str:
    there = one.started_at.astimezone(zone)
    return f"{there.year}-{there.month:02d}"


PARTS: dict[str, Callable[[Made], str]] = {
    "month": month_of,
    "zone": lambda one: one.zone or "-",
    "class": lambda one: one.class_ or "-",
    "process": lambda one: one.process or "-",
}


def bucket_of(one: Made, now: datetime) -> str:
    if one.state == "running":
        return "running_late" if one.due_at is not None and one.due_at < now else "running"
    unit = msgspec.to_builtins(one.clause.limit)["unit"]
    if one.state == "met" and one.due_at is None and unit in ("none", "on_date"):
        return "no_figure"
    return one.state


def in_bucket(one: Made, bucket: str, now: datetime) -> bool:
    mine = bucket_of(one, now)
    broken = mine in ("late", "running_late")
    alive = mine != "cancelled"
    match bucket:
        case "all":
            return True
        case "decided":
            return broken or mine == "met"
        case "adjusted":
            return mine == "met" or (broken and one.exemption != "granted")
        case "exempt":
            return broken and one.exemption == "granted"
        case "claimed" | "refused":
            return alive and one.exemption == bucket
        case "provisional":
            return alive and one.provisional
        case "stood":
            out = left_out(one, now)
            return out["paused_s"] > 0 or out["between_s"] > 0
        case _:
            return mine == bucket


_KNOWN: dict[UUID, dict[str, float]] = {}
"""Counting minute by minute takes long, and a clock does not change."""


def left_out(one: Made, now: datetime) -> dict[str, float]:
    """Others' time in a clock, minute by minute."""
    if one.id not in _KNOWN:
        _KNOWN[one.id] = _left_out(one, now)
    return _KNOWN[one.id]


def _left_out(one: Made, now: datetime) -> dict[str, float]:
    found = dict.fromkeys(
        ["customer_s", "authority_s", "contractor_s", "nature_s", "company_s", "unnamed_s",
         "paused_s", "between_s"], 0.0,
    )  # fmt: skip
    if one.state == "cancelled" or not (one.pauses or one.clause.segments):
        return found
    until = one.stopped_at or now
    own = _own_minutes(one, until)
    at = one.started_at
    while at < until:
        counts = not one.clause.segments or at in own
        if one.clause.segments and at not in own:
            found["between_s"] += 60
        standing = {
            WHOSE[cause] or "unnamed"
            for cause, begins, ends in one.pauses
            if cause in one.clause.pauses and begins <= at and (ends is None or at < ends)
        }
        if counts and standing:
            found["paused_s"] += 60
            for whose in standing:
                found[f"{whose}_s"] += 60
        at += MINUTE
    return found


def _own_minutes(one: Made, until: datetime) -> set[datetime]:
    """The minutes in which a stage of the company's was open."""
    found: set[datetime] = set()
    for segment in one.clause.segments:
        starts = {at for what, at in one.facts if what == segment.start and at >= one.started_at}
        stops = {at for what, at in one.facts if what == segment.stop}
        open_ = False
        at = one.started_at
        while at < until:
            if at in starts:
                open_ = True
            if at in stops:
                open_ = False
            if open_:
                found.add(at)
            at += MINUTE
    return found


def expected(made: Sequence[Made], now: datetime) -> dict[str, Any]:
    """A cell's figures."""
    outs = [left_out(one, now) for one in made]
    counts = {
        name: sum(in_bucket(one, name, now) for one in made)
        for name in BUCKETS if name != "all"
    }  # fmt: skip
    taken = sorted(
        max(0.0, (one.stopped_at - one.started_at).total_seconds())
        for one in made
        if one.stopped_at is not None
    )
    over = sorted(
        ((one.stopped_at or now) - one.due_at).total_seconds()
        for one in made
        if one.due_at is not None
        and in_bucket(one, "decided", now)
        and bucket_of(one, now) != "met"
    )
    return counts | {
        "clocks": len(made),
        "raw_share": (counts["met"], counts["decided"], _floor(counts["met"], counts["decided"])),
        "adjusted_share": (
            counts["met"], counts["adjusted"], _floor(counts["met"], counts["adjusted"])
        ),
        "taken": (len(taken), *_ranks(taken)),
        "over": (len(over), *_ranks(over)),
        "left_out": {name: sum(out[name] for out in outs) for name in outs[0]},
    }  # fmt: skip


def shown(cell: Cell) -> dict[str, Any]:
    """A cell of the report in the same form."""
    told: dict[str, Any] = msgspec.to_builtins(cell)
    del told["part"]
    for name in ("raw_share", "adjusted_share", "taken", "over"):
        told[name] = tuple(told[name].values())
    return told


BUCKETS = (
    "met", "late", "no_figure", "running", "running_late", "cancelled", "all", "decided",
    "adjusted", "exempt", "claimed", "refused", "provisional", "stood",
)  # fmt: skip


def _floor(numerator: int, denominator: int) -> float | None:
    return None if denominator == 0 else numerator * 10_000 // denominator / 100


def _ranks(values: Sequence[float]) -> tuple[float | None, ...]:
    if not values:
        return None, None, None
    return tuple(values[math.ceil(part * len(values)) - 1] for part in (0.5, 0.9, 1.0))
