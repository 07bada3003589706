"""The hub of one process: order, resumption, filters, slow clients, lost links, revocation."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from server.access.actions import change_person, end_sessions
from server.access.phones import revoke_phone
from server.actor import Role
from server.db import Database, new_id
from server.feed import touch
from server.feed.representing import REPRESENTERS, Kind, Representation
from server.live import frames
from server.live import hub as hub_room
from server.live import subscription as subscription_room
from server.live.hub import Hub
from server.live.rules import Audience, crew_audience, desk_audience
from server.live.subscription import GOING_AWAY, SIGNED_OUT, Credential, Subscription
from tests.companies import PeopledCompany, people_company
from tests.feed.conftest import WITHIN_S, Reader, say, say_and_regret

pytestmark = pytest.mark.anyio

DESK = desk_audience([Role.DISPATCHER])


async def listen(
    hub: Hub, company: PeopledCompany, after: int, audience: Audience = DESK
) -> Reader:
    """A dispatcher's desk that has everything up to `after`."""
    credential = Credential(session_id=company.people[Role.DISPATCHER].actor.session_id)
    return Reader(hub, await hub.subscribe(company.id, audience, credential, after))


async def closed(subscription: Subscription) -> int:
    """The code a subscription is closed with."""
    async with asyncio.timeout(WITHIN_S):
        while subscription.close_code is None:
            subscription.take()
            await subscription.wait()
    return subscription.close_code


async def test_commits_come_in_order_and_rollbacks_never(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    reader = await listen(hub, company, 0)
    await say(changming, company, "one", "two")
    with pytest.raises(RuntimeError, match="changed my mind"):
        await say_and_regret(changming, company, "never")
    await say(changming, company, "three")
    assert await reader.words(3) == ["one", "two", "three"]
    assert [change["seq"] for change in reader.changes] == [1, 2, 3]
    assert reader.seq == 3
    assert {change["kind"] for change in reader.changes} == {"timeline"}


async def test_resuming_anywhere_brings_the_rest_exactly_once(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    """From the ring (somebody listened meanwhile), in the middle of frames too."""
    watching = await listen(hub, company, 0)
    words = [f"w{n}" for n in range(9)]
    for first in range(0, 9, 3):
        await say(changming, company, *words[first : first + 3])
        await watching.words(first + 3)
    for after in range(10):
        reader = await listen(hub, company, after)
        assert reader.subscription.backlog is None, "the ring has it all"
        assert await reader.words(9 - after) == words[after:]


async def test_resuming_from_before_the_ring_reads_the_database(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    await say(changming, company, "one", "two", "three")
    await listen(hub, company, 3)
    for after in range(4):
        reader = await listen(hub, company, after)
        assert (reader.subscription.backlog is not None) == (after < 3)
        assert await reader.words(3 - after) == ["one", "two", "three"][after:]


async def test_after_a_restart_the_first_one_back_reads_for_all(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    await say(changming, company, "one", "two", "three")
    readers = [await listen(hub, company, after) for after in (1, 1, 2, 3)]
    assert [reader.subscription.backlog for reader in readers] == [None] * 4
    for reader, missed in zip(readers, (2, 2, 1, 0), strict=True):
        assert await reader.words(missed) == ["one", "two", "three"][3 - missed :]
    # Somebody even further behind reads for itself.
    late = await listen(hub, company, 0)
    assert late.subscription.backlog is not None
    assert await late.words(3) == ["one", "two", "three"]


async def test_what_is_committed_while_a_backlog_is_read_follows_it(
    hub: Hub, changming: Database, company: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_room, "READ_LIMIT", 2)
    await say(changming, company, *"abcde")
    await listen(hub, company, 5)
    reader = await listen(hub, company, 0)
    backlog = hub.backlog(reader.subscription)
    reader.take(await anext(backlog))
    await say(changming, company, *"fg")
    async for frame in backlog:
        reader.take(frame)
    assert "".join(await reader.words(7)) == "abcdefg"


async def test_too_far_behind_starts_over(
    hub: Hub, changming: Database, company: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_room, "CATCH_UP_LIMIT", 3)
    await say(changming, company, *"abcde")
    far = await listen(hub, company, 0)
    await far.until(lambda: far.told_to_start_over)
    assert far.changes == []
    near = await listen(hub, company, 2)
    assert "".join(await near.words(3)) == "cde"
    # And having started over, it is as good as any other.
    await say(changming, company, "f")
    assert await far.words(1) == ["f"]


async def test_pruned_changes_start_over(
    hub: Hub, changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    await say(changming, company, *"abcde")
    superuser.execute("DELETE FROM feed_changes WHERE seq <= 2")
    # The first one's way is the ring's; the second's, a backlog of its own.
    for _ in range(2):
        behind = await listen(hub, company, 1)
        await behind.until(lambda one=behind: one.told_to_start_over)
        just = await listen(hub, company, 2)
        assert "".join(await just.words(3)) == "cde"


async def test_client_ahead_of_the_feed_starts_over(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    """It saw a database that was since replaced by an older one."""
    await say(changming, company, "one")
    reader = await listen(hub, company, 7)
    await reader.until(lambda: reader.told_to_start_over)
    await say(changming, company, "two")
    assert await reader.words(1) == ["two"]


async def test_slow_client_starts_over_and_holds_nobody_up(
    hub: Hub, changming: Database, company: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_room, "QUEUE_FRAMES", 3)
    slow = await listen(hub, company, 0)
    quick = await listen(hub, company, 0)
    for n in range(6):
        await say(changming, company, f"w{n}")
        await quick.words(n + 1)
    await slow.until(lambda: slow.told_to_start_over)
    await say(changming, company, "after")
    await slow.until(lambda: slow.changes and slow.changes[-1]["body"]["verb"] == "after")
    assert [change["seq"] for change in slow.changes] == sorted(
        {change["seq"] for change in slow.changes}
    )


async def test_the_same_bytes_go_to_everybody_alike(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    readers = [await listen(hub, company, 0) for _ in range(3)]
    await say(changming, company, "one")
    frames_seen = []
    for reader in readers:
        async with asyncio.timeout(WITHIN_S):
            while True:
                await reader.subscription.wait()
                changes = [
                    frame for frame in reader.subscription.take() if '"changes"' in frame.text[:20]
                ]
                if changes:
                    frames_seen.append(changes[0])
                    break
    assert frames_seen[0] is frames_seen[1] is frames_seen[2], "encoded once, not thrice"


async def test_other_company_hears_nothing(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    other = await people_company(changming, "tanghe")
    theirs = await listen(hub, other, 0)
    ours = await listen(hub, company, 0)
    await say(changming, company, "ours")
    await ours.words(1)
    await say(changming, other, "theirs")
    assert await theirs.words(1) == ["theirs"]
    assert len(theirs.changes) == 1


async def test_roles_without_the_kind_hear_only_the_time(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    credential = Credential(session_id=company.people[Role.CONTRACTOR].actor.session_id)
    audience = desk_audience([Role.CONTRACTOR])
    contractor = Reader(hub, await hub.subscribe(company.id, audience, credential, 0))
    desk = await listen(hub, company, 0)
    await say(changming, company, "secret")
    await desk.words(1)
    # The heartbeat says how far the feed is, so that a filtered client need not start over.
    await contractor.until(lambda: any(frame.get("seq") == 1 for frame in contractor.others))
    assert contractor.changes == []


async def test_phones_hear_their_own_crew_and_desks_no_crew(
    hub: Hub, changming: Database, company: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = new_id(), new_id()

    async def for_crew(tx: object, ids: list[UUID]) -> list[Representation]:
        return [Representation(one, 1, None, crew_id=one) for one in ids]

    monkeypatch.setitem(REPRESENTERS, Kind.ASSIGNMENT_FOR_CREW, for_crew)
    credential = Credential(phone_id=company.phone.actor.phone_id)
    crew = Reader(hub, await hub.subscribe(company.id, crew_audience(ours), credential, 0))
    desk = await listen(hub, company, 0)
    async with changming.begin(company.system) as tx:
        touch(tx, Kind.ASSIGNMENT_FOR_CREW, ours)
        touch(tx, Kind.ASSIGNMENT_FOR_CREW, theirs)
    await say(changming, company, "for the desk")
    await desk.words(1)
    await crew.until(lambda: crew.changes)
    assert [change["id"] for change in crew.changes] == [str(ours)]
    assert len(desk.changes) == 1
    # The same from the database.
    again = Reader(hub, await hub.subscribe(company.id, crew_audience(theirs), credential, 0))
    again.subscription.take()
    again.subscription.backlog = (0, 3)
    await again.until(lambda: again.changes)
    assert [change["id"] for change in again.changes] == [str(theirs)]


async def test_killed_listener_connects_again_and_loses_nothing(
    hub: Hub, changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    reader = await listen(hub, company, 0)
    words = []
    for n in range(4):
        words.append(f"before {n}")
        await say(changming, company, words[-1])
        killed = superuser.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'changming feed hub' AND datname = current_database()"
        ).fetchone()
        assert killed is not None
        words.append(f"while away {n}")
        await say(changming, company, words[-1])
    assert await reader.words(8) == words
    assert hub.reconnects >= 1


async def test_numbers_that_went_back_start_everybody_over(
    hub: Hub, changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    """A backup was restored under the running server."""
    reader = await listen(hub, company, 0)
    await say(changming, company, *"abc")
    await reader.words(3)
    superuser.execute("DELETE FROM feed_changes WHERE seq > 1")
    superuser.execute("UPDATE feed_counters SET seq = 1")
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'changming feed hub' AND datname = current_database()"
    )
    await reader.until(lambda: reader.told_to_start_over)
    await say(changming, company, "B")
    await reader.until(lambda: len(reader.changes) == 4)
    assert reader.changes[-1]["seq"] == 2


async def test_listeners_hold_no_connection_of_the_pool(
    hub: Hub, changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    readers = [await listen(hub, company, 0) for _ in range(50)]
    await say(changming, company, "one")
    for reader in readers:
        await reader.words(1)
    pool = changming.engine.pool
    assert pool.checkedout() == 0  # type: ignore[attr-defined]  # QueuePool has it; the base class in the signature does not.
    row = superuser.execute(
        "SELECT count(*) FILTER (WHERE application_name = 'changming feed hub'),"
        " count(*) FILTER (WHERE state LIKE 'idle in transaction%')"
        " FROM pg_stat_activity WHERE datname = current_database()"
    ).fetchone()
    assert row == (1, 0), "one listener, and no transaction left open"


async def test_ended_session_and_revoked_phone_are_closed(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    desk = await listen(hub, company, 0)
    stays = Reader(
        hub,
        await hub.subscribe(
            company.id,
            desk_audience([Role.SUPERVISOR]),
            Credential(session_id=company.people[Role.SUPERVISOR].actor.session_id),
            0,
        ),
    )
    phone = await hub.subscribe(
        company.id, crew_audience(uuid4()), Credential(phone_id=company.phone.actor.phone_id), 0
    )
    async with changming.begin(company.system) as tx:
        await end_sessions(tx, company.people[Role.DISPATCHER].person_id)
        assert company.phone.actor.phone_id is not None
        await revoke_phone(tx, company.phone.actor.phone_id)
    assert await closed(desk.subscription) == SIGNED_OUT
    assert await closed(phone) == SIGNED_OUT
    await say(changming, company, "still here")
    assert await stays.words(1) == ["still here"]


async def test_changed_roles_come_again(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    desk = await listen(hub, company, 0)
    async with changming.begin(company.system) as tx:
        person = company.people[Role.DISPATCHER].person_id
        await change_person(tx, person, roles=[Role.CONTRACTOR])
    assert await closed(desk.subscription) == GOING_AWAY


async def test_positions_come_coalesced_to_those_who_may_see_them(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    crew = new_id()

    async def move(lon: float) -> None:
        async with changming.begin(company.system) as tx:
            await tx.session.execute(
                text(
                    "INSERT INTO newest_fixes (crew_id, phone_id, at, recorded_at, lon, lat)"
                    " VALUES (:crew, :crew, :now, :now, :lon, 26.2)"
                    " ON CONFLICT (company_id, crew_id) DO UPDATE SET lon = excluded.lon"
                ),
                {"crew": crew, "now": tx.now, "lon": lon},
            )

    auditor = Reader(
        hub,
        await hub.subscribe(
            company.id,
            desk_audience([Role.AUDITOR]),
            Credential(session_id=company.people[Role.AUDITOR].actor.session_id),
            0,
        ),
    )
    desk = await listen(hub, company, 0)
    for lon in (105.1, 105.2, 105.3):
        await move(lon)

    def seen(reader: Reader) -> list[float]:
        return [
            one["lon"]
            for frame in reader.others
            if frame["type"] == "positions"
            for one in frame["positions"]
        ]

    await desk.until(lambda: seen(desk) and seen(desk)[-1] == 105.3)
    assert seen(desk) == sorted(set(seen(desk))), "nothing is repeated that did not move"
    # Who joins later is told where everybody is, though nobody moves.
    late = await listen(hub, company, 0)
    await late.until(lambda: seen(late) == [105.3])
    await auditor.until(lambda: auditor.others)
    assert seen(auditor) == []


async def test_ring_forgets_the_oldest_and_the_database_steps_in(
    hub: Hub, changming: Database, company: PeopledCompany
) -> None:
    watching = await listen(hub, company, 0)
    stream = hub._streams[company.id]
    stream.ring._limit = 4
    for n in range(8):
        await say(changming, company, f"w{n}")
        await watching.words(n + 1)
    old = await listen(hub, company, 1)
    assert old.subscription.backlog == (1, 8)
    assert await old.words(7) == [f"w{n}" for n in range(1, 8)]
    assert frames.RING_CHANGES > 1000
