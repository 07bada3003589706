"""Crews of a business drill: their phones' words about planned work, through the field API.

Not here: emergency crews that drive and follow the feed (`crew_player`, `phone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from server.clock import Clock
from server.drill.door import Door
from server.drill.office import Office, Stuck

LONGEST_JOB: Final = timedelta(hours=5)


@dataclass(frozen=True, slots=True)
class PlannedCrew:
    """A crew that does planned work, and its phone's token."""

    id: str
    code: str
    people: tuple[str, ...]
    token: str


class PlannedCrews:
    """All crews for planned work, and the door their phones knock at."""

    def __init__(
        self, crews: Sequence[PlannedCrew], door: Door, clock: Clock, *, brief: bool = False
    ) -> None:
        """brief: crews say that they are there, and not that they are going."""
        self.crews = list(crews)
        self._brief = brief
        self._door = door
        self._clock = clock

    async def close(self) -> None:
        """Switch the phones off."""
        await self._door.close()

    async def begin(self, office: Office, order_id: str, crew: PlannedCrew) -> Outing:
        """The crew goes to an order it was given, up to being on the scene. Raises Stuck."""
        answer = await self._door.ask("GET", "/v1/snapshot", headers=_headers(crew))
        callouts = answer.body["callouts"] if answer.ok else []
        mine = [one for one in callouts if one["work_order"]["id"] == order_id]
        if not mine:
            office.trouble(f"{crew.code} has not heard of its order {order_id}: {answer.status}")
            raise Stuck(order_id)
        assignment = mine[-1]["assignment"]
        offered_at = datetime.fromisoformat(assignment["offered_at"])
        outing = Outing(office, self._door, self._clock, crew, assignment["id"], offered_at)
        for verb in ("arrive",) if self._brief else ("acknowledge", "depart", "arrive"):
            await outing.say(verb)
        return outing


class Outing:
    """One crew at one order; tells everything when it is over, as a phone without signal does."""

    def __init__(
        self,
        office: Office,
        door: Door,
        clock: Clock,
        crew: PlannedCrew,
        assignment_id: str,
        offered_at: datetime,
    ) -> None:
        self._office = office
        self._door = door
        self._clock = clock
        self._crew = crew
        self._assignment_id = assignment_id
        now = clock.now()
        begins = max(offered_at, now - LONGEST_JOB)
        self._step = (now - begins) / 8
        self._at = begins
        self.people = crew.people

    async def say(self, verb: str, *, refused: str | None = None, **fields: Any) -> None:
        """One word, a while after the one before. Raises Stuck unless it comes to what it should:
        applied, or refused with the given code."""
        self._at += self._step
        word = {
            "verb": verb,
            "key": str(uuid4()),
            "assignment_id": self._assignment_id,
            "occurred_at": self._at,
            "sent_at": self._clock.now(),
            **fields,
        }
        self._office.answers.asked += 1
        answer = await self._door.ask(
            "POST", "/v1/actions", body=word, headers=_headers(self._crew)
        )
        outcome = answer.body["outcome"] if answer.ok else "failed"
        code = answer.body.get("code") if isinstance(answer.body, dict) else None
        if refused is not None and outcome == "refused" and code == refused:
            self._office.answers.provoked[refused] += 1
            return
        if refused is not None or outcome not in ("applied", "late"):
            self._office.trouble(f"{verb}: {answer.status} {outcome} {code} {fields}")
            raise Stuck(verb)


def _headers(crew: PlannedCrew) -> dict[str, str]:
    return {"authorization": f"Bearer {crew.token}", "accept-language": "zh-CN"}
