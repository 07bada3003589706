"""The month's end in a business drill: customers are called back, and what they say is solved.

Not here: the cases (`case_player`).
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from server.actor import Role
from server.drill.office import Office

_GOOD = ("很满意，师傅很仔细", "可以，按时来的", "不错")
_BAD = ("现场没有清理干净", "没有讲安全用气知识", "预约时间改了两次")


async def draw_too_early(office: Office, month: str, *, drill: bool) -> None:
    """Try to draw a month that is not over. Raises Stuck unless that is refused."""
    clerk = office.any_of(Role.OPERATOR)
    body = {"month": month, "drill": drill}
    await office.provoke(clerk, "/api/call-backs/draws", body, "month_not_over")


async def call_back(
    office: Office, month: str, seed: str, *, drill: bool, share: float = 1.0
) -> Counter[str]:
    """Draw the month and call, `share` of those drawn; what came of it. Raises Stuck."""
    clerk = office.any_of(Role.OPERATOR)
    drawn = await office.do(clerk, "/api/call-backs/draws", {"month": month, "drill": drill})
    found: Counter[str] = Counter(drawn=len(drawn["call_backs"]))
    await office.provoke(
        clerk, "/api/call-backs/draws", {"month": month, "drill": drill}, "already_drawn"
    )
    chance = random.Random(f"{seed}/call-backs")
    waiting = [one for one in drawn["call_backs"] if chance.random() < share]
    while waiting:
        for one in waiting:
            await _call(office, one, chance, found)
        if share < 1:
            return found
        page = await office.see(
            clerk, "/api/call-backs", month=month, **({"drill": "true"} if drill else {})
        )
        waiting = [one for one in page["call_backs"] if one["state"] == "due"]
    return found


async def _call(
    office: Office, one: dict[str, Any], chance: random.Random, found: Counter[str]
) -> None:
    clerk = office.any_of(Role.OPERATOR)
    path = f"/api/call-backs/{one['id']}/attempts"
    if chance.random() < 0.3:
        await office.do(clerk, path, {"result": "not_answered", "words": "无人接听"})
        found["not_answered"] += 1
        return
    unhappy = chance.random() < 0.35
    body = {
        "result": "reached",
        "satisfaction": 2 if unhappy else chance.choice((4, 5)),
        "words": chance.choice(_BAD if unhappy else _GOOD),
        "issues": (
            [{"words": chance.choice(_BAD), "accused_department": "operations"}] if unhappy else []
        ),
    }
    await office.do(clerk, path, body)
    found["reached"] += 1
    found["issues"] += unhappy


async def close_issues(office: Office) -> int:
    """Solve what was found; whose department it was is refused the closing. Raises Stuck."""
    page = await office.see(office.any_of(Role.OPERATOR), "/api/issues", state="open")
    body = {"evidence": "现场复查照片 2 张", "words": "已上门整改，用户确认"}
    for number, issue in enumerate(page["issues"]):
        path = f"/api/issues/{issue['id']}/closing"
        if number == 0 and issue["accused_department"] == "operations":
            accused = office.any_of(Role.DISPATCHER)
            await office.provoke(accused, path, body, "issue_closed_by_accused")
        await office.do(office.any_of(Role.OPERATOR), path, body)
    return len(page["issues"])
