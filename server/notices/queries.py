"""Every SELECT and row lock on planned outages, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from server.access.masking import mask_name
from server.db import Tx
from server.feed import Kind, Representation, represents
from server.notices.rules import Lead, earliest_start, leads, overlapped
from server.notices.tables import Outage, OutageConsent
from server.notices.wire import (
    ConsentView,
    LeadView,
    OutageState,
    OutageView,
    OutageWork,
    QuietView,
)
from server.policy.queries import pack_version
from server.policy.wire import Pack
from server.promises.queries import zone_of
from server.refusal import NotFound

IN_FORCE = (OutageState.PUBLISHED.value, OutageState.UNDER_WAY.value)


async def outage(tx: Tx, outage_id: UUID, *, lock: bool = False) -> Outage:
    """The outage; `lock` holds its row until the commit. Raises NotFound."""
    statement = select(Outage).where(Outage.id == outage_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(what="outage")
    return row


async def published_for(tx: Tx, case_id: UUID) -> bool:
    """Whether a published notice in force stands behind the case's work."""
    found: UUID | None = await tx.session.scalar(
        select(Outage.id).where(Outage.case_id == case_id, Outage.state.in_(IN_FORCE)).limit(1)
    )
    return found is not None


async def page(
    tx: Tx, *, state: OutageState | None, case_id: UUID | None, before: datetime | None, limit: int
) -> Sequence[Outage]:
    """Outages, the latest start first."""
    statement = select(Outage)
    if state is not None:
        statement = statement.where(Outage.state == state.value)
    if case_id is not None:
        statement = statement.where(Outage.case_id == case_id)
    if before is not None:
        statement = statement.where(Outage.starts_at < before)
    statement = statement.order_by(Outage.starts_at.desc(), Outage.id.desc()).limit(limit)
    return (await tx.session.scalars(statement)).all()


async def consents(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[str, OutageConsent]]:
    """The newest word for each address, by outage; every asked-for outage has an entry."""
    found: dict[UUID, dict[str, OutageConsent]] = {one: {} for one in ids}
    rows = await tx.session.scalars(
        select(OutageConsent)
        .where(OutageConsent.outage_id.in_(ids))
        .order_by(OutageConsent.recorded_at, OutageConsent.id)
    )
    for row in rows:
        found[row.outage_id][row.address] = row
    return found


def missing(row: Outage, known: dict[str, OutageConsent]) -> int:
    """Addresses without consent and presence."""
    agreed = {address for address, one in known.items() if one.consented and one.present}
    return len(set(row.addresses) - agreed)


def leads_of(pack: Pack, row: Outage, now: datetime) -> list[Lead]:
    """The notice rules on the outage, by its publication, or by now while it is a draft."""
    return leads(
        pack.notices,
        OutageWork(row.work),
        starts_at=row.starts_at,
        published_at=row.published_at or now,
        emergency=row.incident_id is not None,
    )


async def views(tx: Tx, rows: Sequence[Outage]) -> list[OutageView]:
    """The wire form, in the given order."""
    zone = await zone_of(tx)
    words = await consents(tx, [row.id for row in rows])
    return [
        _view(tx, row, await pack_version(tx, row.pack_version), zone, words[row.id])
        for row in rows
    ]


def _view(
    tx: Tx, row: Outage, pack: Pack, zone: ZoneInfo, known: dict[str, OutageConsent]
) -> OutageView:
    rules = leads_of(pack, row, tx.now)
    quiet = overlapped(pack.quiet_hours, row.work, row.starts_at, row.ends_at, zone)
    if row.residents:
        quiet += overlapped(pack.quiet_hours, "restore", row.ends_at, row.ends_at, zone)
    return OutageView(
        id=row.id,
        version=row.version,
        number=row.number,
        drill=row.drill,
        state=OutageState(row.state),
        work=OutageWork(row.work),
        words=row.words,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        addresses=row.addresses,
        residents=row.residents,
        case_id=row.case_id,
        incident_id=row.incident_id,
        planned_at=row.planned_at,
        planned_by=row.planned_by,
        published_at=row.published_at,
        published_by=row.published_by,
        form_id=row.form_id,
        replaces_id=row.replaces_id,
        replaced_by_id=row.replaced_by_id,
        started_at=row.started_at,
        restored_at=row.restored_at,
        cancelled_reason=row.cancelled_reason,
        rules=[
            LeadView(
                rule_id=lead.rule.id,
                zh=lead.rule.zh,
                en=lead.rule.en,
                source=lead.rule.source,
                quote=lead.rule.quote,
                hours_ahead=lead.rule.hours_ahead,
                blocks=lead.rule.blocks,
                publish_by=lead.publish_by,
                exempt=lead.exempt,
                kept=lead.kept,
            )
            for lead in rules
        ],
        quiet=[
            QuietView(
                rule_id=hours.id,
                zh=hours.zh,
                en=hours.en,
                source=hours.source,
                blocks=hours.blocks,
            )
            for hours in quiet
        ],
        earliest_start_at=earliest_start(rules, row.published_at or tx.now),
        consents=[
            ConsentView(
                address=one.address,
                name=mask_name(one.name),
                consented=one.consented,
                present=one.present,
                recorded_at=one.recorded_at,
                recorded_by=one.recorded_by,
            )
            for one in known.values()
        ],
        consents_missing=missing(row, known),
    )


@represents(Kind.OUTAGE)
async def outage_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Outages for the feed."""
    statement = select(Outage).where(Outage.id.in_(ids))
    rows = (await tx.session.scalars(statement.execution_options(populate_existing=True))).all()
    return [Representation(view.id, view.version, view) for view in await views(tx, rows)]
