"""Every SELECT and row lock of intake, how leads look to screens, and whom a platform's key proves.

The key's row is read in its own short transaction, before the push's: see `identify_platform`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from geoalchemy2 import functions as spatial
from sqlalchemy import func, or_, select, tuple_

from server.access.masking import mask_name, mask_phone
from server.access.tokens import company_of, digest
from server.actor import Actor
from server.cases.queries import manager_loads, zone_is
from server.cases.rules_opening import Load
from server.db import Database, Tx
from server.feed import Kind, Representation, represents
from server.intake import rules
from server.intake.lifecycle import ENDED
from server.intake.tables import Lead, LeadContact, Push, PushKey
from server.intake.wire import (
    ContactMeans,
    ContactView,
    DismissalReason,
    LeadList,
    LeadPage,
    LeadState,
    LeadView,
    PushKeyView,
    PushView,
)
from server.places.rules import digits
from server.policy.wire import SubjectKind
from server.promises.queries import clock_view, clocks_of
from server.refusal import NotFound

LIST_LIMIT = 200


async def identify_platform(database: Database, bearer: str) -> Actor | None:
    """Which platform a bearer token proves; None if it proves nobody (any more).

    Counts the use first, for all processes together: raises TooManyPushes once the key is over its
    limit for the minute. One short transaction; nothing is held when it returns.
    """
    company_id = company_of(bearer)
    if company_id is None:
        return None
    now = database.clock.wall()
    async with database.begin(Actor.system(company_id, "access")) as tx:
        key = await tx.session.scalar(
            select(PushKey)
            .where(PushKey.token_hash == digest(bearer), PushKey.revoked_at.is_(None))
            .with_for_update()
        )
        if key is None:
            return None
        window = rules.Window(key.window_started_at, key.window_count).used(now)
        key.window_started_at, key.window_count = window.started_at, window.count
        key.last_used_at = now
        wait_s = window.wait_s(key.limit_per_minute, now)
        actor = Actor(company_id=company_id, kind="platform", name=key.name, id=key.id)
    if wait_s is not None:
        raise rules.TooManyPushes(retry_after_s=wait_s)
    return actor


async def key(tx: Tx, key_id: UUID) -> PushKey:
    """A platform's key. Raises NotFound."""
    row = await tx.session.get(PushKey, (tx.company_id, key_id))
    if row is None:
        raise NotFound(what="push key / 推送密钥")
    return row


async def locked_key(tx: Tx, key_id: UUID) -> PushKey:
    """A platform's key, locked. Raises NotFound."""
    row = await tx.session.get(
        PushKey, (tx.company_id, key_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="push key / 推送密钥")
    return row


async def keys(tx: Tx) -> list[PushKeyView]:
    """All keys ever made, the newest first."""
    rows = await tx.session.scalars(
        select(PushKey).order_by(PushKey.created_at.desc(), PushKey.id.desc())
    )
    return [key_view(row) for row in rows]


def key_view(row: PushKey) -> PushKeyView:
    """The wire form of a key, without its secret."""
    return PushKeyView(
        id=row.id,
        platform=row.platform,
        name=row.name,
        limit_per_minute=row.limit_per_minute,
        drill=row.drill,
        created_at=row.created_at,
        created_by=row.created_by_name,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


async def locked_lead(tx: Tx, lead_id: UUID) -> Lead:
    """A lead, locked. Raises NotFound."""
    row = await tx.session.get(
        Lead, (tx.company_id, lead_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="lead / 推送项目")
    return row


async def lead(tx: Tx, lead_id: UUID) -> Lead:
    """A lead. Raises NotFound."""
    row = await tx.session.get(Lead, (tx.company_id, lead_id))
    if row is None:
        raise NotFound(what="lead / 推送项目")
    return row


async def locked_lead_of_project(tx: Tx, project_key: str, *, drill: bool) -> Lead | None:
    """The lead of a project, locked, if it was pushed before."""
    rows = await tx.session.scalars(
        select(Lead)
        .where(Lead.project_key == project_key, Lead.drill == drill)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.one_or_none()


async def locked_push(tx: Tx, push_id: UUID) -> Push:
    """A push, locked. Raises NotFound."""
    row = await tx.session.get(
        Push, (tx.company_id, push_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="push / 推送")
    return row


async def push(tx: Tx, push_id: UUID) -> Push:
    """A push. Raises NotFound."""
    row = await tx.session.get(Push, (tx.company_id, push_id))
    if row is None:
        raise NotFound(what="push / 推送")
    return row


async def pushes(tx: Tx, *, only_open: bool) -> list[PushView]:
    """Pushes, the newest first; `only_open`: those refused that the desk has not settled."""
    statement = select(Push)
    if only_open:
        statement = statement.where(Push.refusal.is_not(None), Push.settled_at.is_(None))
    rows = await tx.session.scalars(
        statement.order_by(Push.received_at.desc(), Push.id.desc()).limit(LIST_LIMIT)
    )
    return [push_view(row) for row in rows]


def push_view(row: Push) -> PushView:
    """The wire form of a push, without its body."""
    return PushView(
        id=row.id,
        platform=row.platform,
        key_name=row.key_name,
        received_at=row.received_at,
        lead_id=row.lead_id,
        project_code=row.project_code,
        platform_ref=row.platform_ref,
        size_bytes=row.size_bytes,
        refusal=row.refusal,
        why=row.why,
        differs=row.differs,
        dropped=row.dropped,
        settled_at=row.settled_at,
        settled_by=row.settled_by_name,
        settled_words=row.settled_words,
        open=row.refusal is not None and row.settled_at is None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which leads are wanted; None: any."""

    state: LeadState | None = None
    manager_id: UUID | None = None
    q: str = ""
    after: UUID | None = None
    limit: int = 50


async def leads(tx: Tx, wanted: Filter) -> LeadList:
    """Leads, the newest push first, from after the lead `after`. Raises NotFound for that one."""
    statement = select(Lead.id)
    if wanted.state is not None:
        statement = statement.where(Lead.state == wanted.state.value)
    if wanted.manager_id is not None:
        statement = statement.where(Lead.manager_id == wanted.manager_id)
    plain = wanted.q.strip()
    if plain:
        likes = [
            Lead.number == plain.upper(),
            Lead.project_name.contains(plain, autoescape=True),
            Lead.address.contains(plain, autoescape=True),
        ]
        code = rules.project_key(plain)
        if code:
            likes.append(Lead.project_key == code)
        number = digits(plain)
        if len(number) >= 7:
            likes.append(Lead.contact_phone_digits == number)
        statement = statement.where(or_(*likes))
    if wanted.after is not None:
        last = await lead(tx, wanted.after)
        statement = statement.where(
            tuple_(Lead.newest_push_at, Lead.id) < (last.newest_push_at, last.id)
        )
    ids = (
        await tx.session.scalars(
            statement.order_by(Lead.newest_push_at.desc(), Lead.id.desc()).limit(wanted.limit + 1)
        )
    ).all()
    shown = ids[: wanted.limit]
    return LeadList(
        leads=await views(tx, shown), next=shown[-1] if len(ids) > wanted.limit else None
    )


async def views(tx: Tx, lead_ids: Sequence[UUID]) -> list[LeadView]:
    """Leads as screens see them, masked, in the given order; unknown ids are left out."""
    if not lead_ids:
        return []
    rows = await tx.session.execute(
        select(Lead, spatial.ST_X(Lead.point), spatial.ST_Y(Lead.point))
        .where(Lead.id.in_(lead_ids))
        .execution_options(populate_existing=True)
    )
    found = {row.id: _view(row, lon, lat) for row, lon, lat in rows}
    return [found[one] for one in lead_ids if one in found]


def _view(row: Any, lon: float | None, lat: float | None) -> LeadView:
    return LeadView(
        id=row.id,
        version=row.version,
        number=row.number,
        drill=row.drill,
        state=LeadState(row.state),
        platform=row.platform,
        project_code=row.project_code,
        project_name=row.project_name,
        stage=row.stage,
        contact_name=mask_name(row.contact_name),
        contact_phone=mask_phone(row.contact_phone or ""),
        address=row.address,
        lon=lon,
        lat=lat,
        zone_code=row.zone_code,
        zone_name=row.zone_name,
        residential=row.residential,
        flow_m3h=row.flow_m3h,
        words=row.words,
        manager_id=row.manager_id,
        manager_name=row.manager_name,
        pushed_at=row.pushed_at,
        newest_push_at=row.newest_push_at,
        handed_over_at=row.handed_over_at,
        contacted_at=row.contacted_at,
        attempts=row.attempts,
        case_id=row.case_id,
        dismissed_reason=row.dismissed_reason and DismissalReason(row.dismissed_reason),
        dismissed_words=row.dismissed_words,
    )


@represents(Kind.LEAD)
async def lead_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Leads for the feed."""
    return [Representation(one.id, one.version, one) for one in await views(tx, ids)]


async def page(tx: Tx, lead_id: UUID) -> LeadPage:
    """A lead with its receipts, attempts and clocks. Raises NotFound."""
    shown = await views(tx, [lead_id])
    if not shown:
        raise NotFound(what="lead / 推送项目")
    receipts = await tx.session.scalars(
        select(Push).where(Push.lead_id == lead_id).order_by(Push.received_at, Push.id)
    )
    contacts = await tx.session.scalars(
        select(LeadContact)
        .where(LeadContact.lead_id == lead_id)
        .order_by(LeadContact.at, LeadContact.id)
    )
    clocks = await clocks_of(tx, lead_id, SubjectKind.LEAD.value)
    return LeadPage(
        lead=shown[0],
        pushes=[push_view(row) for row in receipts],
        contacts=[
            ContactView(
                id=row.id,
                at=row.at,
                recorded_at=row.recorded_at,
                by=row.by_name,
                means=ContactMeans(row.means),
                reached=row.reached,
                words=row.words,
                proof=row.proof,
            )
            for row in contacts
        ],
        clocks=[clock_view(clock) for clock in clocks],
    )


async def loads(tx: Tx, zone_code: str | None) -> list[Load]:
    """Active account managers with how many open cases and leads they have, in all and in the
    zone. What lies in no zone lies near nothing.
    """
    in_zone = func.count(Lead.id).filter(zone_is(Lead.zone_code, zone_code))
    counted = await tx.session.execute(
        select(Lead.manager_id, func.count(Lead.id), in_zone)
        .where(Lead.manager_id.is_not(None), Lead.state.not_in([state.value for state in ENDED]))
        .group_by(Lead.manager_id)
    )
    more = {manager_id: (total, near) for manager_id, total, near in counted}
    found = []
    for load in await manager_loads(tx, zone_code):
        total, near = more.get(load.id, (0, 0))
        found.append(replace(load, open_cases=load.open_cases + total, in_zone=load.in_zone + near))
    return found
