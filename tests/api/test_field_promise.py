"""The promise on the crew's phone: it counts until the crew has arrived, and no longer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.clock import FrozenClock
from server.db import Database
from tests.companies import NOON
from tests.desks import Desk
from tests.field import Phone, field_application, offer
from tests.scenes import Scene

pytestmark = pytest.mark.anyio


async def test_a_callout_carries_the_strictest_running_promise_until_arrival(
    changming: Database, desk: Desk, scene: Scene, clock: FrozenClock
) -> None:
    incident = (await desk.alarm())["incident"]
    assignment = await offer(changming, scene.company, incident["id"], scene.crews[0].id)
    async with field_application(changming) as client:
        phone = Phone(client, scene.crews[0].phone, clock)
        [callout] = (await phone.snapshot())["callouts"]
        due_at = datetime.fromisoformat(callout["incident_brief"]["arrive_due_at"])
        # Urban: thirty minutes from the ring.
        assert due_at == NOON + timedelta(minutes=30)
        clock.advance(seconds=600)
        answer = await phone.say("arrive", assignment.id, fix=phone.fix())
        assert answer["outcome"] == "applied"
        assert answer["assignment"]["incident_brief"]["arrive_due_at"] is None
        [callout] = (await phone.snapshot())["callouts"]
        assert callout["incident_brief"]["arrive_due_at"] is None
