"""The snapshot: everything a connecting desk shows, in one consistent reading.

Bodies are made by the very functions that feed the feed, so that a thing looks the same whether it
came by snapshot or by change. Not here: which kinds a role sees (`rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.access.queries import company
from server.access.wire import CompanyView
from server.db import Tx
from server.feed import Kind
from server.feed.queries import newest_seq
from server.feed.representing import REPRESENTERS
from server.hotline.queries import live_call_ids
from server.incidents.queries import live_incident_ids
from server.live.queries import assignment_ids, open_alarm_ids, order_ids
from server.live.rules import POSITION_KEPT, Audience
from server.live.wire import ServerTime, Snapshot
from server.network.queries import closure_views
from server.places.queries import stations
from server.promises.queries import live_clocks
from server.tracking.queries import newest
from server.work.views import crew_views

CLOSED_SHOWN = timedelta(hours=24)
"""How long a closed incident stays on the desk."""


async def snapshot(tx: Tx, audience: Audience) -> Snapshot:
    """What `audience` sees now. tx: from `Database.begin(…, snapshot=True)`, so that the number
    and everything under it belong to one instant.
    """
    # Read first: the transaction's picture is taken by its first query.
    seq = await newest_seq(tx)
    shown_since = tx.now - CLOSED_SHOWN
    incidents = await live_incident_ids(tx, shown_since)
    orders = await order_ids(tx, incidents)
    own = await company(tx)

    async def seen(kind: Kind, ids: Sequence[UUID]) -> list[Any]:
        if kind.value not in audience.kinds or not ids:
            return []
        found = await REPRESENTERS[kind](tx, ids)
        return [one.body for one in found if one.body is not None]

    return Snapshot(
        seq=seq,
        time=ServerTime(now=tx.clock.now(), speed=tx.clock.speed),
        company=CompanyView(
            id=own.id,
            code=own.code,
            name_zh=own.name_zh,
            name_en=own.name_en,
            time_zone=own.time_zone,
            policy_pack=own.policy_pack,
        ),
        incidents=await seen(Kind.INCIDENT, incidents),
        calls=await seen(Kind.CALL, await live_call_ids(tx, incidents, shown_since)),
        work_orders=await seen(Kind.WORK_ORDER, orders),
        assignments=await seen(Kind.ASSIGNMENT, await assignment_ids(tx, orders)),
        clocks=await seen(Kind.CLOCK, [row.id for row in await live_clocks(tx, incidents)]),
        crews=await crew_views(tx) if Kind.CREW.value in audience.kinds else [],
        alarms=await seen(Kind.ALARM, await open_alarm_ids(tx)),
        closures=(await closure_views(tx, tx.now) if Kind.CLOSURE.value in audience.kinds else []),
        stations=await stations(tx),
        positions=(
            [one for one in await newest(tx) if one.at >= tx.now - POSITION_KEPT]
            if audience.positions
            else []
        ),
    )
