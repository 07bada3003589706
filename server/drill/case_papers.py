"""Papers, money and the customer's own state in a business drill.

Not here: the steps themselves (`case_player`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from server.actor import Role
from server.drill.office import Clerk
from server.policy.wire_processes import Step

if TYPE_CHECKING:
    from server.drill.case_player import CasePlayer

SOURCE: Final = "公司营业厅公示价目表"
_AWAITED: Final = frozenset({"missing", "rejected"})


async def put_in_order(player: CasePlayer, step: Step) -> None:
    """See to whatever must be in order before the step may be left. Raises Stuck."""
    if step.needs_papers is not None:
        await _papers(player, step)
    if step.needs_settled:
        await _money(player, step)


# --- papers ---


async def _papers(player: CasePlayer, step: Step) -> None:
    gaps = _gaps(player)
    if not gaps:
        return
    clerk = player.office.any_of(Role.ACCOUNT_MANAGER)
    body = player.step_body(step, None if step.next else step.branches[0])
    if step.needs_papers == "all" or any(one["safety"] for one in gaps):
        await player.provoke("papers", player.who(step), "steps", body, "papers_missing")
    late = [one for one in gaps if one["deferrable"] and not one["safety"]]
    defers = player.plan.mishaps.defers and player.stage.deferrals_allowed and bool(late)
    if defers:
        await _defer(player, clerk, gaps, late)
    for paper in _gaps(player):
        await player.post(
            f"papers/{paper['document']}",
            {"state": "received", "copy_no": f"档 {player.plan.number:04d}"},
            Role.ACCOUNT_MANAGER,
        )


def _gaps(player: CasePlayer) -> list[dict[str, Any]]:
    """The papers still awaited; of several that stand for each other, the first."""
    papers = player.page["papers"]
    settled = {one["one_of"] for one in papers if one["one_of"] and one["state"] not in _AWAITED}
    found: list[dict[str, Any]] = []
    for paper in papers:
        group = paper["one_of"]
        if paper["state"] not in _AWAITED or (group and group in settled):
            continue
        if group:
            settled.add(group)
        found.append(paper)
    return found


async def _defer(
    player: CasePlayer, clerk: Clerk, gaps: list[dict[str, Any]], late: list[dict[str, Any]]
) -> None:
    """容缺: told once what is missing; what may come later does, in time or not."""
    path = f"/api/cases/{player.id}/gap-notices"
    first = await player.office.attempt(clerk, path, {"words": "一次性告知"})
    if not first.ok:
        # Some processes tell it by themselves, when the application is taken.
        player.office.expect(first, path, "gaps_already_notified")
    elif player.plan.mishaps.hasty:
        await player.office.provoke(clerk, path, {"words": "又缺一份"}, "gaps_already_notified")
    safety = [one["document"] for one in gaps if one["safety"]]
    if safety:
        never = {"documents": [safety[0]], "words": "先办"}
        await player.provoke("safety", clerk, "deferrals", never, "paper_never_deferred")
    documents = [one["document"] for one in late]
    await player.post(
        "deferrals", {"documents": documents, "words": "承诺补交"}, Role.ACCOUNT_MANAGER
    )
    player.tell("papers", f"deferred {len(documents)}")

    async def bring() -> None:
        for document in documents:
            await player.office.do(
                clerk, f"/api/cases/{player.id}/papers/{document}", {"state": "received"}
            )
        player.tell("papers", "brought")

    days = player.chance.uniform(16, 20) if player.plan.mishaps.late_papers else 5
    player.later.append((timedelta(days=days), bring))


# --- money ---


async def _money(player: CasePlayer, step: Step) -> None:
    owed = _owed(player)
    if owed:
        body = player.step_body(step, None if step.next else step.branches[0])
        await player.provoke("money", player.who(step), "steps", body, "not_settled")
    entered = False
    for fee in player.page["fees"]:
        if fee["state"] == "to_enter" and fee["kind"] != "discount":
            fen = player.chance.randrange(50, 4_000) * 100
            await player.office.do(
                player.office.any_of(Role.ACCOUNT_MANAGER),
                f"/api/fees/{fee['id']}/amount",
                {"amount_fen": fen, "source": SOURCE},
            )
            entered = True
    if entered:
        await player.look()
    for fee in _owed(player):
        if fee["owed_fen"] > 0:
            await player.post(
                f"fees/{fee['id']}/payment",
                {"amount_fen": fee["owed_fen"], "signed_by": player.plan.name},
                Role.ACCOUNT_MANAGER,
            )
            player.tell("fee", f"{fee['rule']} {fee['kind']}")


def _owed(player: CasePlayer) -> list[dict[str, Any]]:
    return [one for one in player.page["fees"] if one["state"] in ("to_enter", "due")]


async def settle_customer(player: CasePlayer) -> None:
    """What the end of a case means for its customer."""
    completed = player.story.outcome == "completed"
    if player.customer_id is None or not completed:
        return
    words = {"words": "业务办结", "case_id": player.id}
    path = f"/api/customers/{player.customer_id}"
    clerk = player.office.any_of(Role.ACCOUNT_MANAGER)
    match player.plan.process:
        case "P15":
            await player.office.do(clerk, f"{path}/suspension", words)
        case "P16" | "P18":
            page = await player.office.see(clerk, path)
            if page["customer"]["balance_fen"] == 0:
                await player.office.do(clerk, f"{path}/closing", words)
        case _:
            return
