"""A field step of a business drill: a dispatcher sends a crew, the crew says what it did.

Not here: steps at desks (`case_player`), what records say (`planned_records`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from server.actor import Role
from server.drill.case_choices import DONE
from server.drill.case_papers import put_in_order
from server.drill.planned_records import (
    NOT_READY,
    failed_acceptance,
    good_record,
    red_ignition,
    spoiled,
)
from server.policy.wire_processes import Step

if TYPE_CHECKING:
    from server.drill.case_player import CasePlayer

_LIVE: Final = frozenset({"open", "assigned", "on_scene"})
NEXT_TURN: Final = timedelta(hours=3)


async def field_act(player: CasePlayer, step: Step) -> timedelta | None:
    """One act of a field step: sending a crew, or what comes of its work. Raises Stuck."""
    order = player.page["orders"][-1] if player.page["orders"] else None
    if player.page["case"]["blocked"] is not None:
        return await _unblock(player, step)
    if order is None or order["state"] not in _LIVE:
        await _again(player, step)
        return NEXT_TURN
    if order["crew"] is None:
        return await _send(player, step, order)
    return await _work(player, step, order)


async def _unblock(player: CasePlayer, step: Step) -> timedelta | None:
    """A crew's word could not move the case: put in order what holds it, or send again."""
    order = player.page["orders"][-1]
    if player.page["case"]["blocked"]["code"] in ("papers_missing", "not_settled"):
        await put_in_order(player, step)
        await player.office.do(
            player.who(step),
            f"/api/cases/{player.id}/steps",
            {"step": step.id, "visit": player.page["case"]["visit"]},
        )
        await player.look()
        return await _after(player)
    if order["state"] not in _LIVE:
        await _again(player, step)
    elif order["crew"] is None:
        return await _send(player, step, order)
    else:
        return await _work(player, step, order)
    return NEXT_TURN


async def _again(player: CasePlayer, step: Step) -> None:
    await player.post("orders", {"words": "重新预约上门"}, Role.DISPATCHER)
    player.tell(step.id, "ordered_again")


async def _send(player: CasePlayer, step: Step, order: dict[str, Any]) -> timedelta:
    wait = _until_outage(player)
    if wait > timedelta(0):
        return wait
    await player.provoke(
        "field",
        player.who(step),
        "steps",
        {"step": step.id, "visit": player.page["case"]["visit"]},
        "field_work_decides",
    )
    dispatcher = player.office.any_of(Role.DISPATCHER)
    crew = player.crew = player.chance.choice(player.stage.crews.crews)
    await player.office.do(
        dispatcher,
        f"/api/work-orders/{order['id']}/assignments",
        {"crew_id": crew.id, "override_reason": "按预约时间上门"},
    )
    player.acted.add(dispatcher.username)
    if player.outage is not None and player.outage["state"] == "published":
        path = f"/api/outages/{player.outage['id']}/start"
        player.outage = await player.office.do(dispatcher, path, {})
    await player.look()
    return player.choices.delay(step)


def _until_outage(player: CasePlayer) -> timedelta:
    if player.outage is None or player.outage["state"] != "published":
        return timedelta(0)
    starts_at = msgspec.convert(player.outage["starts_at"], datetime)
    return starts_at - player.stage.clock.now()


async def _work(player: CasePlayer, step: Step, order: dict[str, Any]) -> timedelta | None:
    """The crew was there; it tells everything at once, as a phone does that had no signal."""
    mishaps, visits = player.plan.mishaps, player.passed()[0].get(step.id, 1)
    kind = str(step.order)
    if step.supersedable and mishaps.quantity and "quantity" not in player.once:
        player.once.add("quantity")
        await player.post(
            "quantity",
            {"words": "现场增加一处立管", "demands": {"extra": "立管一处"}},
            Role.ACCOUNT_MANAGER,
        )
        player.tell(step.id, "quantity_changed")
        return NEXT_TURN
    assert player.crew is not None, "only this player sends crews to its case"
    crew = await player.stage.crews.begin(player.office, order["id"], player.crew)
    answers = {branch.answer for branch in step.branches}
    first = f"first/{kind}" not in player.once
    player.once.add(f"first/{kind}")
    record = good_record(
        kind,
        sheet_version=order["sheet_version"],
        people=crew.people,
        signatories=step.signatories,
    )
    said = DONE
    if first and mishaps.nobody_home and visits == 1 and kind != "construction":
        said = "no_one_home"
        await crew.say("nobody_home", words="敲门无人应答，已电话联系")
    elif first and mishaps.red_item and kind == "ignition" and "not_ready" in answers:
        said = "not_ready"
        await crew.say("complete", refused="ignition_hard_stop", record=red_ignition(crew.people))
        await crew.say("not_ready", reasons=[NOT_READY[kind]], words="通风不合格，暂不点火")
    elif first and mishaps.fails_acceptance and kind == "acceptance" and "failed" in answers:
        said = "failed"
        await crew.say("complete", record=failed_acceptance(step.signatories))
    else:
        if mishaps.bad_record and "bad" not in player.once:
            player.once.add("bad")
            bad, code = spoiled(record)
            await crew.say("complete", refused=code, record=bad)
        await crew.say("complete", record=record)
    await crew.say("clear")
    player.tell(step.id, said)
    await player.look()
    if said == DONE and player.outage is not None and player.outage["state"] == "under_way":
        path = f"/api/outages/{player.outage['id']}/restoring"
        player.outage = await player.office.do(player.office.any_of(Role.DISPATCHER), path, {})
    return await _after(player)


async def _after(player: CasePlayer) -> timedelta | None:
    case = player.page["case"]
    if case["state"] == "closed":
        await player.over()
        return None
    return player.choices.delay(player.process.step(case["step"]))
