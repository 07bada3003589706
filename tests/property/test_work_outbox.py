"""A phone's outbox, delivered in any split, order and repetition, comes to one result."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.cluster import DatabaseAddress
from server.actor import Actor
from server.clock import FrozenClock
from server.crews.queries import duty_windows
from server.db import Tx
from server.incidents.actions import open_incident
from server.incidents.queries import view_of
from server.incidents.wire import Confidence, PlaceIn
from server.policy.wire import CallKind, Facts, IncidentClass
from server.promises.queries import clocks_of
from server.rooms import open_rooms
from server.tracking.actions import Batch, store
from server.tracking.wire import SentFix, SentFixes
from server.work import owners
from server.work.actions import offer, open_order
from server.work.actions_arrival import judge_again
from server.work.actions_field import hear
from server.work.lifecycle import OrderKind
from server.work.queries import orders_of
from server.work.views import assignment_views, field_views
from server.work.wire import FieldAction, OrderPlace
from tests.companies import NOON, database_at, people_company
from tests.planned import DEMANDS, CaseBook, good_record
from tests.scenes import CENTRE, Scene, build_scene


@dataclass(frozen=True)
class Said:
    """Something in the outbox: a word, or (verb None) a batch of fixes; times from the offer."""

    verb: str | None
    after_s: int
    key: UUID
    fields: tuple[tuple[str, Any], ...] = ()


FIELDS: dict[str, tuple[tuple[str, Any], ...]] = {
    "first_report": (("words", "灶前阀漏气"),),
    "reading": (("value", 7), ("unit", "%LEL"), ("place", "厨房"), ("instrument_no", "D-7")),
    "made_safe": (("method", "关阀"),),
    "source_found": (("cause", "hose"),),
    "repaired": (("test_kind", "soap"), ("passed", True)),
    "recheck": (
        ("readings", [{"value": 0, "unit": "%LEL", "place": "厨房", "instrument_no": "D-7"}]),
        ("safe", True),
    ),
    "decline": (("reason", "other"),),
    "complete": (("record", good_record(OrderKind.IGNITION)),),
    "not_ready": (("reasons", ["no_adult"]), ("words", "")),
}

WAY = ("acknowledge", "depart", "arrive")
AT_WORK = ("first_report", "reading", "made_safe", "source_found", "repaired", "recheck")
AT_PLANNED_WORK = ("reading", "nobody_home", "not_ready", "complete")


@st.composite
def outboxes(draw: st.DrawFn, work: tuple[str, ...] = AT_WORK) -> list[Said]:
    """What one phone can say of one assignment: some taps forgotten, some made twice."""
    chosen = draw(st.sets(st.sampled_from((*WAY, *work, "clear", "decline")), max_size=4))
    if "decline" in chosen:
        chosen &= {"acknowledge", "depart", "decline"}
    verbs: list[str | None] = [verb for verb in (*WAY, *work, "clear", "decline") if verb in chosen]
    for place in draw(st.lists(st.integers(0, len(verbs)), max_size=3)):
        verbs.insert(place, None)
    doubled: list[str | None] = []
    for verb in verbs:
        doubled += [verb] * (2 if verb is not None and draw(st.booleans()) else 1)
    after_s, words = 0, []
    for verb in doubled:
        after_s += draw(st.integers(1, 300))
        words.append(Said(verb, after_s, uuid4(), FIELDS.get(verb or "", ())))
    return words


@st.composite
def deliveries(draw: st.DrawFn, work: tuple[str, ...] = AT_WORK) -> tuple[list[Said], list[Said]]:
    """An outbox, and another way in which the network may deliver it."""
    words = draw(outboxes(work))
    repeated = words + [one for one in words if draw(st.integers(0, 3)) == 0]
    return words, draw(st.permutations(repeated))


class Rolled(Exception):
    """Leaves a transaction without a trace."""


class Stage:
    """A company with an incident, on which one assignment after another is played and undone."""

    def __init__(self, address: DatabaseAddress) -> None:
        open_rooms()
        self.runner = asyncio.Runner()
        self.database = database_at(address, FrozenClock(NOON))
        self.scene: Scene
        self.incident_id: UUID
        self.runner.run(self._set())

    async def _set(self) -> None:
        company = await people_company(self.database)
        self.scene = await build_scene(self.database, company)
        async with self.database.begin(company.system) as tx:
            incident = await open_incident(
                tx,
                call_id=uuid4(),
                received_at=NOON,
                words="煤气味",
                facts=Facts(smell=True),
                kind=CallKind.GAS_EMERGENCY,
                place=PlaceIn(
                    text="明德路", lon=CENTRE[0], lat=CENTRE[1], confidence=Confidence.PIN
                ),
                people_count=None,
                drill=False,
            )
            self.incident_id = incident.id

    def close(self) -> None:
        self.runner.run(self.database.dispose())
        self.runner.close()

    def play(self, words: list[Said], offset_s: float, first_heard_s: int | None) -> Any:
        """Deliver `words` in this order: each as it happens, or (first_heard_s) all afterwards, a
        second apart. Returns what is then known, and undoes it."""
        return self.runner.run(self._play(words, offset_s, first_heard_s))

    async def _play(self, words: list[Said], offset_s: float, first_heard_s: int | None) -> Any:
        crew = self.scene.crews[0]
        known: Any = None
        with suppress(Rolled):
            async with self.database.begin(crew.phone.actor) as tx:
                order = (await orders_of(tx, self.incident_id))[0]
                assignment = await offer(
                    tx, work_order_id=order.id, crew_id=crew.id, offered_by="调度甲"
                )
                for number, one in enumerate(words):
                    heard_s = one.after_s if first_heard_s is None else first_heard_s + number
                    tx.now = NOON + timedelta(seconds=heard_s)
                    if one.verb is None:
                        await self._fixes(tx, crew.phone.actor, one, offset_s)
                    else:
                        await hear(tx, self._word(one, assignment.id, tx.now, offset_s))
                known = await self._known(tx)
                raise Rolled
        return known

    def play_planned(self, words: list[Said], first_heard_s: int | None) -> Any:
        """As `play`, of planned work: what is known, and how often its case heard of its end."""
        book = CaseBook()
        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(owners._OWNERS, "case", book)
            return self.runner.run(self._play_planned(book, words, first_heard_s))

    async def _play_planned(
        self, book: CaseBook, words: list[Said], first_heard_s: int | None
    ) -> Any:
        crew, known = self.scene.crews[1], None
        with suppress(Rolled):
            async with self.database.begin(crew.phone.actor) as tx:
                order = await open_order(
                    tx,
                    kind=OrderKind.IGNITION,
                    place=OrderPlace(text="明德路", lon=CENTRE[0], lat=CENTRE[1]),
                    priority_class=IncidentClass.P4,
                    words="",
                    drill=False,
                    case_id=uuid4(),
                    demands=DEMANDS,
                )
                assignment = await offer(
                    tx, work_order_id=order.id, crew_id=crew.id, offered_by="调度甲"
                )
                for number, one in enumerate(words):
                    heard_s = one.after_s if first_heard_s is None else first_heard_s + number
                    tx.now = NOON + timedelta(seconds=heard_s)
                    if one.verb is not None:
                        await hear(tx, self._word(one, assignment.id, tx.now, 0.0))
                [seen] = await assignment_views(tx, [assignment.id])
                known = (
                    order.state,
                    _without(seen, "id", "version", "ended_at", "work_order_id"),
                    {what: len(book.told(what)) for what in ("completed", "not_ready")},
                    len(book.told("nobody_home")),
                )
                raise Rolled
        return known

    def _word(self, one: Said, assignment_id: UUID, now: datetime, offset_s: float) -> FieldAction:
        by_phone = timedelta(seconds=offset_s)
        word: FieldAction = msgspec.convert(
            {
                "verb": one.verb,
                "key": one.key,
                "assignment_id": assignment_id,
                "occurred_at": NOON + timedelta(seconds=one.after_s) + by_phone,
                "sent_at": now + by_phone,
                **dict(one.fields),
            },
            FieldAction,
        )
        return word

    async def _fixes(self, tx: Tx, actor: Actor, one: Said, offset_s: float) -> None:
        """A minute of standing at the scene."""
        assert actor.phone_id is not None
        assert actor.id is not None
        taken = [NOON + timedelta(seconds=one.after_s - ago) for ago in (60, 40, 20, 0)]
        by_phone = timedelta(seconds=offset_s)
        sent = SentFixes(
            sent_at=tx.now + by_phone,
            fixes=[
                SentFix(lon=CENTRE[0], lat=CENTRE[1], at=at + by_phone, accuracy_m=8)
                for at in taken
            ],
        )
        batch = Batch(phone_id=actor.phone_id, person_id=actor.id, sent=sent, recorded_at=tx.now)
        windows = await duty_windows(tx, [actor.id], taken[0], taken[-1])
        for stored in await store(tx, [batch], windows):
            await judge_again(tx, stored.crew_ids, taken[0], taken[-1])

    async def _known(self, tx: Tx) -> Any:
        """Everything that must not depend on the network: no receipt times, versions or ids."""
        orders, assignments, readings, proofs = await field_views(tx, self.incident_id)
        clocks = await clocks_of(tx, self.incident_id)
        incident = await view_of(tx, self.incident_id)
        return {
            "orders": [one.state for one in orders],
            "assignments": [_without(one, "id", "version", "ended_at") for one in assignments],
            "readings": sorted(
                str(_without(one, "id", "assignment_id", "recorded_at")) for one in readings
            ),
            "proofs": [
                _without(one, "assignment_id", "recorded_at", "judged_at") for one in proofs
            ],
            "clocks": sorted((one.what, one.clause_id, str(one.stopped_at)) for one in clocks),
            "incident": (
                incident.controlled_at,
                incident.source_verified_at,
            ),
        }


def _without(view: msgspec.Struct, *names: str) -> dict[str, Any]:
    return {
        name: value for name, value in msgspec.structs.asdict(view).items() if name not in names
    }


@pytest.fixture(scope="module")
def stage(worker_database: DatabaseAddress) -> Iterator[Stage]:
    made = Stage(worker_database)
    yield made
    made.close()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deliveries(), st.sampled_from([0.0, 3.0, 90.0, -4000.0]))
def test_any_split_order_and_repetition_gives_one_result(
    stage: Stage, delivery: tuple[list[Said], list[Said]], offset_s: float
) -> None:
    words, shuffled = delivery
    last_s = max((one.after_s for one in words), default=0)
    live = stage.play(words, offset_s, None)
    assert stage.play(shuffled, offset_s, last_s + 1) == live
    assert stage.play(words, offset_s, last_s + 5_000) == live


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deliveries(AT_PLANNED_WORK))
def test_planned_work_ends_once_however_its_words_come(
    stage: Stage, delivery: tuple[list[Said], list[Said]]
) -> None:
    words, shuffled = delivery
    last_s = max((one.after_s for one in words), default=0)
    live = stage.play_planned(words, None)
    verbs = {one.verb for one in words}
    assert live[2] == {
        "completed": int("complete" in verbs),
        "not_ready": int("not_ready" in verbs),
    }
    assert stage.play_planned(shuffled, last_s + 1) == live
