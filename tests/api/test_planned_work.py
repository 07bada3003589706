"""Planned work from the order to its end: arranged, recorded, not ready, superseded, given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import plan_shift
from server.crews.queries import crew, shifts_at
from server.crews.wire import NewShift
from server.db import Database
from server.dispatch.watch import Watch
from server.feed.queries import timeline_of_case
from server.policy.wire import IncidentClass
from server.work import owners
from server.work.actions import OrderNeedsMissing, open_order
from server.work.actions_planned import give_up_order, supersede_order
from server.work.lifecycle import OrderKind
from server.work.queries import assignments_of_order, order, records_of
from server.work.tables import WorkOrder
from server.work.wire import OrderPlace
from tests.desks import Desk
from tests.field import Phone, field_application, text_of
from tests.planned import CaseBook, good_record, planned_order
from tests.scenes import Scene

pytestmark = pytest.mark.anyio

K = OrderKind
IGNITION = good_record(K.IGNITION)


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


@pytest.fixture
def book(changming: Database, monkeypatch: pytest.MonkeyPatch) -> CaseBook:
    """What a case would hear, in the place of the cases' room."""
    made = CaseBook()
    monkeypatch.setitem(owners._OWNERS, "case", made)
    return made


@pytest.fixture
def phone(field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Phone:
    return Phone(field, scene.crews[0].phone, clock)


@pytest.fixture
def dispatcher(desk: Desk) -> Desk:
    return desk.as_(Role.DISPATCHER)


@pytest.fixture
async def ignition(changming: Database, scene: Scene, book: CaseBook) -> WorkOrder:
    return await planned_order(changming, scene.company, K.IGNITION)


async def sent(dispatcher: Desk, made: WorkOrder, crew_id: UUID, **more: Any) -> str:
    """The order is given to a crew; its assignment's id."""
    body = {"crew_id": str(crew_id), **more}
    answer = await dispatcher.post(f"/api/work-orders/{made.id}/assignments", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def assignment(dispatcher: Desk, ignition: WorkOrder, scene: Scene) -> str:
    return await sent(dispatcher, ignition, scene.crews[0].id)


async def past_the_shift(dispatcher: Desk, clock: FrozenClock) -> None:
    """Half an hour after the scene's crews went off duty; the dispatcher stays signed in."""
    for _ in range(4):
        clock.advance(11.5 * 3600 / 4)
        await dispatcher.get("/api/snapshot")


async def state_of(changming: Database, scene: Scene, order_id: UUID) -> str:
    async with changming.begin(scene.company.system) as tx:
        return (await order(tx, order_id)).state


# --- opening and arranging ---------------------------------------------------------------------


async def test_an_order_needs_what_the_pack_says_of_its_kind(ignition: WorkOrder) -> None:
    assert ignition.min_staff == 2
    assert ignition.required_kit == ["gas_detector"]
    assert ignition.emergency is False
    assert ignition.sheet_version == 1
    assert ignition.demands["residential"] is True


async def test_a_kind_the_pack_is_silent_about_is_a_clear_fault(
    changming: Database, scene: Scene, book: CaseBook
) -> None:
    async with changming.begin(scene.company.system) as tx:
        with pytest.raises(OrderNeedsMissing, match=r"orders\.toml: needs\.leak_response"):
            await open_order(
                tx,
                kind=K.LEAK_RESPONSE,
                place=OrderPlace(text="x"),
                priority_class=IncidentClass.P4,
                words="",
                drill=False,
                case_id=uuid4(),
            )


async def test_planned_work_is_arranged_without_a_ranking_and_its_offer_never_runs_out(
    changming: Database,
    scene: Scene,
    dispatcher: Desk,
    ignition: WorkOrder,
    phone: Phone,
    clock: FrozenClock,
    book: CaseBook,
) -> None:
    assignment = await sent(dispatcher, ignition, scene.crews[0].id)
    snapshot = await phone.snapshot()
    assert snapshot["me"]["crew"]["members"] == ["队员11", "队员12"]
    [callout] = snapshot["callouts"]
    assert callout["id"] == assignment
    assert callout["incident_brief"] is None
    assert callout["assignment"]["offer_expires_at"] is None
    assert callout["work_order"]["demands"]["customer"] == "李四光"
    assert callout["work_order"]["sheet_version"] == 1
    clock.advance(3600)
    await Watch(changming).look(scene.company.id)
    assert [one["assignment"]["state"] for one in (await phone.snapshot())["callouts"]] == [
        "offered"
    ]
    assert [fact.what for _, fact in book.facts] == ["offered"]


async def test_a_desk_sees_no_whole_name_and_number_the_crew_does(
    dispatcher: Desk, ignition: WorkOrder, assignment: str, phone: Phone
) -> None:
    [callout] = (await phone.snapshot())["callouts"]
    assert callout["work_order"]["demands"]["phone"] == "13900001234"
    [order_seen] = (await dispatcher.get("/api/work-orders"))["orders"]
    seen = order_seen["demands"]
    assert (seen["customer"], seen["phone"]) == ("李**", "139****1234")
    assert seen["residential"] is True


async def test_a_crew_without_what_the_work_needs_is_sent_only_with_a_reason(
    changming: Database, scene: Scene, dispatcher: Desk, ignition: WorkOrder
) -> None:
    crew_id = scene.crews[0].id
    async with changming.begin(scene.company.system) as tx:
        (await crew(tx, crew_id, lock=True)).kit = []
    path = f"/api/work-orders/{ignition.id}/assignments"
    refused = await dispatcher.post(path, {"crew_id": str(crew_id)})
    assert refused.status_code == 422
    assert refused.json()["code"] == "override_needs_reason"
    assert refused.json()["params"]["shortfalls"] == "missing_kit"
    await sent(dispatcher, ignition, crew_id, override_reason="检测仪由站上送到")
    assert ignition.case_id is not None
    async with changming.begin(scene.company.system) as tx:
        lines = await timeline_of_case(tx, ignition.case_id)
    noted = {line.verb: line.params for line in lines}
    assert noted["shortfalls_overridden"]["shortfalls"] == ["missing_kit"]
    assert noted["shortfalls_overridden"]["reason"] == "检测仪由站上送到"
    assert {"work_order_opened", "crew_offered"} <= set(noted)


async def test_the_work_of_cases_is_listed_to_be_arranged(
    changming: Database, scene: Scene, dispatcher: Desk, phone: Phone, book: CaseBook
) -> None:
    await dispatcher.as_(Role.OPERATOR).alarm()
    made = [
        await planned_order(changming, scene.company, kind) for kind in (K.SURVEY, K.VISIT, K.VISIT)
    ]
    visit = await sent(dispatcher, made[1], scene.crews[0].id)
    first = await dispatcher.get("/api/work-orders?limit=2")
    assert [one["id"] for one in first["orders"]] == [str(one.id) for one in made[:2]]
    assert [one["id"] for one in first["assignments"]] == [visit]
    last = await dispatcher.get(f"/api/work-orders?after={first['next']}")
    assert [one["id"] for one in last["orders"]] == [str(made[2].id)]
    assert last["next"] is None
    await phone.say("complete", visit, record=good_record(K.VISIT))
    await phone.say("clear", visit)

    async def listed(query: str) -> list[str]:
        return [one["id"] for one in (await dispatcher.get(f"/api/work-orders?{query}"))["orders"]]

    assert await listed("") == [str(made[0].id), str(made[2].id)]
    assert await listed("state=done") == [str(made[1].id)]
    assert await listed("kind=survey") == [str(made[0].id)]
    assert await listed(f"case_id={made[1].case_id}") == [str(made[1].id)]


async def test_a_shift_to_come_will_do_and_none_at_all_will_not(
    changming: Database, scene: Scene, dispatcher: Desk, ignition: WorkOrder, clock: FrozenClock
) -> None:
    await past_the_shift(dispatcher, clock)
    crew_id = scene.crews[0].id
    path = f"/api/work-orders/{ignition.id}/assignments"
    refused = await dispatcher.post(path, {"crew_id": str(crew_id)})
    assert refused.json()["params"]["shortfalls"] == "no_shift"
    async with changming.begin(scene.company.system) as tx:
        starts = tx.now + timedelta(hours=10)
        await plan_shift(
            tx, crew_id, NewShift(starts_at=starts, ends_at=starts + timedelta(hours=8))
        )
    await sent(dispatcher, ignition, crew_id)


async def test_a_crew_has_several_planned_orders_and_an_emergency_takes_it_all_the_same(
    changming: Database,
    scene: Scene,
    dispatcher: Desk,
    assignment: str,
    phone: Phone,
    clock: FrozenClock,
) -> None:
    crew_id = scene.crews[0].id
    visit = await planned_order(changming, scene.company, K.VISIT)
    await sent(dispatcher, visit, crew_id)
    await phone.say("depart", assignment)
    alarm = await dispatcher.as_(Role.OPERATOR).alarm()
    page = await dispatcher.get(f"/api/incidents/{alarm['incident']['id']}")
    leak = page["work_orders"][0]
    made = (await dispatcher.post(f"/api/work-orders/{leak['id']}/recommendation")).json()
    mine = next(one for one in made["candidates"] if one["crew_id"] == str(crew_id))
    assert "leaves_other_work" in [one["code"] for one in mine["shortfalls"]]
    answer = await dispatcher.post(
        f"/api/work-orders/{leak['id']}/assignments", {"crew_id": str(crew_id)}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["offer_expires_at"] is not None
    assert len((await phone.snapshot())["callouts"]) == 3


async def test_a_ranking_of_planned_work_counts_no_promise_and_raises_no_alarm(
    changming: Database, scene: Scene, dispatcher: Desk, ignition: WorkOrder, clock: FrozenClock
) -> None:
    await dispatcher.as_(Role.OPERATOR).alarm()
    path = f"/api/work-orders/{ignition.id}"
    made = (await dispatcher.post(f"{path}/recommendation")).json()
    assert len(made["candidates"]) == 2
    assert {one["slack_seconds"] for one in made["candidates"]} == {None}
    given = await sent(dispatcher, ignition, scene.crews[1].id, recommendation_id=made["id"])
    async with changming.begin(scene.company.system) as tx:
        [row] = await assignments_of_order(tx, ignition.id)
    assert str(row.id) == given
    assert row.offer_expires_at is None
    await past_the_shift(dispatcher, clock)
    another = await planned_order(changming, scene.company, K.VISIT)
    nobody = (await dispatcher.post(f"/api/work-orders/{another.id}/recommendation")).json()
    assert nobody["none_left"] is True
    async with changming.begin(scene.company.system) as tx:
        lines = await timeline_of_case(tx, another.case_id or uuid4())
    assert "alarm_raised" not in [line.verb for line in lines]


async def test_agreed_work_keeps_nobody_on_duty_until_it_is_begun(
    changming: Database,
    scene: Scene,
    dispatcher: Desk,
    assignment: str,
    phone: Phone,
    clock: FrozenClock,
) -> None:
    crew_id = scene.crews[0].id
    await phone.say("acknowledge", assignment)
    crews = {one["id"]: one for one in (await dispatcher.get("/api/snapshot"))["crews"]}
    assert crews[str(crew_id)]["status"] == "available"
    await past_the_shift(dispatcher, clock)
    async with changming.begin(scene.company.system) as tx:
        assert crew_id not in await shifts_at(tx, tx.now)
    await phone.say("depart", assignment, ago_s=3600)
    crews = {one["id"]: one for one in (await dispatcher.get("/api/snapshot"))["crews"]}
    assert crews[str(crew_id)]["status"] == "en_route"


# --- complete and not_ready --------------------------------------------------------------------


async def test_a_good_record_completes_the_work_and_the_case_hears_of_it_once(
    changming: Database,
    scene: Scene,
    phone: Phone,
    ignition: WorkOrder,
    assignment: str,
    book: CaseBook,
    clock: FrozenClock,
) -> None:
    clock.advance(600)
    done = phone.word(
        "complete", assignment, record=good_record(K.IGNITION, signature_drawn="M1 1 L9 9")
    )
    answer = await phone.send(done)
    assert (answer["outcome"], answer["code"], answer["items"]) == ("applied", None, [])
    seen = answer["assignment"]
    assert seen["assignment"]["state"] == "on_scene"
    assert seen["assignment"]["completed_at"] == text_of(clock.now())
    assert seen["work_order"]["state"] == "on_scene"
    assert await phone.send(done) == answer
    assert (await phone.say("complete", assignment, record=IGNITION))["outcome"] == "duplicate"
    earlier = await phone.say("complete", assignment, record=IGNITION, ago_s=300)
    assert earlier["outcome"] == "late"
    [told] = book.told("completed")
    assert told["kind"] == "ignition"
    assert told["record"]["signature"] == "李四光"
    assert told["record"]["tightness"]["value"] == 5

    answer = await phone.say("clear", assignment)
    assert answer["assignment"]["work_order"]["state"] == "done"
    async with changming.begin(scene.company.system) as tx:
        assert ignition.case_id is not None
        lines = await timeline_of_case(tx, ignition.case_id)
        records = await records_of(tx, [UUID(assignment)])
    noted = [line.params for line in lines if line.verb == "work_completed"]
    assert "signature_drawn" not in noted[0]["record"]
    assert records[0].body["record"]["signature_drawn"] == "M1 1 L9 9"


async def test_a_case_may_own_a_repair_told_as_of_a_visit(
    changming: Database, scene: Scene, dispatcher: Desk, phone: Phone, book: CaseBook
) -> None:
    repair = await planned_order(changming, scene.company, K.REPAIR)
    assert repair.required_skills == ["repair"]
    given = await sent(dispatcher, repair, scene.crews[0].id, override_reason="只有这一组有空")
    for verb in ("acknowledge", "depart", "arrive"):
        await phone.say(verb, given)
    answer = await phone.say("complete", given, record=good_record(K.VISIT, words="已更换软管"))
    assert answer["outcome"] == "applied", answer
    assert book.told("completed")[0]["record"]["words"] == "已更换软管"
    await phone.say("clear", given)
    assert await state_of(changming, scene, repair.id) == "done"


async def test_a_red_item_is_no_ignition_and_nothing_of_it_is_lost(
    changming: Database,
    scene: Scene,
    phone: Phone,
    ignition: WorkOrder,
    assignment: str,
    book: CaseBook,
) -> None:
    checklist = {**IGNITION["checklist"], "ventilation": "red"}
    red = good_record(K.IGNITION, checklist=checklist, adult_present=False, words="阳台封闭")
    answer = await phone.say("complete", assignment, record=red)
    assert answer["outcome"] == "refused"
    assert answer["code"] == "ignition_hard_stop"
    assert answer["items"] == ["adult_present", "ventilation"]
    assert "不得点火：成年人在场、通风" in answer["title"]
    async with changming.begin(scene.company.system) as tx:
        [record] = await records_of(tx, [UUID(assignment)])
        assert ignition.case_id is not None
        lines = await timeline_of_case(tx, ignition.case_id)
    assert record.body["record"]["words"] == "阳台封闭"
    assert record.body["record"]["checklist"]["ventilation"] == "red"
    assert lines[-1].verb == "field_refused"
    assert lines[-1].params["items"] == ["adult_present", "ventilation"]
    [refused] = book.told("refused")
    assert refused["items"] == ["adult_present", "ventilation"]
    assert book.told("completed") == []

    answer = await phone.say(
        "not_ready", assignment, reasons=["ventilation_missing", "no_adult"], words="阳台封闭"
    )
    assert answer["outcome"] == "applied"
    [told] = book.told("not_ready")
    assert told["reasons"] == ["ventilation_missing", "no_adult"]
    assert told["words"] == "阳台封闭"
    answer = await phone.say("clear", assignment)
    assert answer["assignment"]["work_order"]["state"] == "not_done"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"verb": "not_ready", "reasons": []}, "not_ready_needs_reason"),
        ({"verb": "not_ready", "reasons": ["other"]}, "not_ready_needs_reason"),
        ({"verb": "complete", "record": good_record(K.VISIT)}, "record_of_other_kind"),
        ({"verb": "complete", "record": {"kind": "ignition"}}, "record_incomplete"),
    ],
)
async def test_a_word_with_a_gap_is_refused_and_kept(
    changming: Database,
    scene: Scene,
    phone: Phone,
    assignment: str,
    fields: dict[str, Any],
    code: str,
) -> None:
    verb = fields.pop("verb")
    answer = await phone.say(verb, assignment, **fields)
    assert (answer["outcome"], answer["code"]) == ("refused", code)
    assert "已保留" in answer["title"]
    async with changming.begin(scene.company.system) as tx:
        [record] = await records_of(tx, [UUID(assignment)])
    assert record.code == code
    assert answer["assignment"]["assignment"]["completed_at"] is None


async def test_an_incident_does_not_end_by_planned_words(
    desk: Desk, dispatcher: Desk, scene: Scene, phone: Phone
) -> None:
    alarm = await desk.alarm()
    page = await dispatcher.get(f"/api/incidents/{alarm['incident']['id']}")
    leak = page["work_orders"][0]
    answer = await dispatcher.post(
        f"/api/work-orders/{leak['id']}/assignments", {"crew_id": str(scene.crews[0].id)}
    )
    assignment = answer.json()["id"]
    for fields in (
        {"verb": "not_ready", "reasons": ["weather"]},
        {"verb": "complete", "record": good_record(K.VISIT)},
    ):
        said = await phone.say(fields.pop("verb"), assignment, **fields)  # type: ignore[arg-type]
        assert said["code"] == "not_planned_work"


async def test_the_words_of_an_emergency_complete_no_planned_work(
    phone: Phone, assignment: str
) -> None:
    await phone.say("made_safe", assignment, method="关阀")
    await phone.say("repaired", assignment, test_kind="soap", passed=True)
    answer = await phone.say("clear", assignment)
    assert answer["assignment"]["work_order"]["state"] == "open"


async def test_a_phone_that_was_offline_tells_the_whole_story_after_it_left(
    phone: Phone, assignment: str, book: CaseBook, clock: FrozenClock
) -> None:
    clock.advance(3600)
    await phone.say("clear", assignment)
    answer = await phone.say("complete", assignment, record=IGNITION, ago_s=600)
    assert answer["outcome"] == "late"
    assert answer["assignment"]["work_order"]["state"] == "done"
    assert len(book.told("completed")) == 1


async def test_work_that_became_ready_after_all_is_done(
    phone: Phone, assignment: str, book: CaseBook, clock: FrozenClock
) -> None:
    await phone.say("not_ready", assignment, reasons=["no_adult"])
    clock.advance(600)
    await phone.say("complete", assignment, record=IGNITION)
    answer = await phone.say("clear", assignment)
    assert answer["assignment"]["work_order"]["state"] == "done"
    assert len(book.told("not_ready")) == len(book.told("completed")) == 1


async def test_two_crews_that_both_say_it_complete_complete_it_once(
    field: httpx.AsyncClient,
    changming: Database,
    scene: Scene,
    dispatcher: Desk,
    book: CaseBook,
    clock: FrozenClock,
) -> None:
    work = await planned_order(changming, scene.company, K.CONSTRUCTION)
    both = [
        await sent(dispatcher, work, one.id, additional=number > 0)
        for number, one in enumerate(scene.crews)
    ]
    for one, assignment in zip(scene.crews, both, strict=True):
        answer = await Phone(field, one.phone, clock).say(
            "complete", assignment, record=good_record(K.CONSTRUCTION)
        )
        assert answer["outcome"] == "applied"
    assert len(book.told("completed")) == 1


async def test_nobody_home_is_told_once_and_leaves_the_order_open(
    phone: Phone, assignment: str, book: CaseBook
) -> None:
    await phone.say("nobody_home", assignment, words="无人应门")
    await phone.say("nobody_home", assignment, words="仍无人")
    answer = await phone.say("clear", assignment)
    assert answer["assignment"]["work_order"]["state"] == "open"
    assert [told["words"] for told in book.told("nobody_home")] == ["无人应门"]


async def test_work_recalled_after_it_was_complete_stays_done(
    changming: Database,
    scene: Scene,
    dispatcher: Desk,
    ignition: WorkOrder,
    phone: Phone,
    assignment: str,
) -> None:
    await phone.say("complete", assignment, record=IGNITION)
    answer = await dispatcher.post(f"/api/assignments/{assignment}/recall", {"reason": "另有急事"})
    assert answer.status_code == 200
    assert await state_of(changming, scene, ignition.id) == "done"


# --- superseding and giving up -----------------------------------------------------------------


async def test_a_new_version_takes_the_place_of_the_old_and_work_on_the_old_is_refused(
    changming: Database, scene: Scene, dispatcher: Desk, phone: Phone, book: CaseBook
) -> None:
    old = await planned_order(changming, scene.company, K.CONSTRUCTION)
    assignment = await sent(dispatcher, old, scene.crews[0].id)
    await phone.say("arrive", assignment)
    async with changming.begin(scene.company.system) as tx:
        new = await supersede_order(
            tx, old.id, words="改走东侧", demands={**old.demands, "sheet": 2}
        )
    assert new.sheet_version == 2
    assert (new.kind, new.case_id, new.place_text) == (old.kind, old.case_id, old.place_text)
    assert new.words == "改走东侧"
    assert await state_of(changming, scene, old.id) == "superseded"
    [recalled] = book.told("recalled")
    assert recalled["reason"] == "superseded"

    late = await phone.say("complete", assignment, record=good_record(K.CONSTRUCTION))
    assert (late["outcome"], late["code"]) == ("refused", "superseded_sheet")
    again = await sent(dispatcher, new, scene.crews[0].id)
    stale = await phone.say("complete", again, record=good_record(K.CONSTRUCTION))
    assert stale["code"] == "superseded_sheet"
    assert book.told("completed") == []
    good = await phone.say("complete", again, record=good_record(K.CONSTRUCTION, sheet_version=2))
    assert good["outcome"] == "applied"
    async with changming.begin(scene.company.system) as tx:
        row = await order(tx, old.id)
        assert row.superseded_by == new.id
        assert row.case_id is not None
        verbs = [line.verb for line in await timeline_of_case(tx, row.case_id)]
    assert "work_order_superseded" in verbs


async def test_work_already_over_is_not_superseded(
    changming: Database, scene: Scene, phone: Phone, ignition: WorkOrder, assignment: str
) -> None:
    await phone.say("complete", assignment, record=IGNITION)
    await phone.say("clear", assignment)
    async with changming.begin(scene.company.system) as tx:
        with pytest.raises(Exception, match="work_order_settled"):
            await supersede_order(tx, ignition.id, words="", demands={})


async def test_given_up_before_anybody_came_it_is_cancelled_and_the_crew_called_back(
    changming: Database, scene: Scene, ignition: WorkOrder, phone: Phone, assignment: str
) -> None:
    async with changming.begin(scene.company.system) as tx:
        row = await give_up_order(tx, ignition.id, "用户撤回")
        assert row.state == "cancelled"
    async with changming.begin(scene.company.system) as tx:
        row = await give_up_order(tx, ignition.id, "再说一次")
        assert (row.state, row.ended_reason) == ("cancelled", "用户撤回")
    assert (await phone.snapshot())["callouts"] == []


async def test_given_up_with_a_crew_on_scene_it_ends_when_the_crew_has_left(
    changming: Database, scene: Scene, ignition: WorkOrder, phone: Phone, assignment: str
) -> None:
    await phone.say("nobody_home", assignment)
    async with changming.begin(scene.company.system) as tx:
        assert (await give_up_order(tx, ignition.id, "无人在家")).state == "on_scene"
    answer = await phone.say("clear", assignment)
    assert answer["outcome"] == "applied"
    assert answer["assignment"]["work_order"]["state"] == "not_done"
