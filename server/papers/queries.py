"""Every SELECT and row lock of papers, and how they look to screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select

from server.access.masking import mask_identity_card
from server.db import Tx
from server.papers import rules
from server.papers.tables import CasePaper, Deferral, DeferralChase, GapNotice, PaperEntry
from server.papers.wire import (
    ChaseView,
    DeferralState,
    DeferralView,
    Gaps,
    Means,
    NoticeView,
    PaperEntryView,
    PapersPage,
    PaperState,
    PaperVerb,
    PaperView,
)
from server.policy.wire_papers import Document
from server.refusal import NotFound

DEFERRALS_SHOWN = 500


def document_of(paper: CasePaper) -> Document:
    """The document as the pack described it when the case asked for it."""
    return msgspec.convert(paper.document, Document)


async def papers(tx: Tx, case_id: UUID) -> Sequence[CasePaper]:
    """The case's checklist, in its order."""
    rows = await tx.session.scalars(
        select(CasePaper).where(CasePaper.case_id == case_id).order_by(CasePaper.place)
    )
    return rows.all()


async def locked_papers(tx: Tx, case_id: UUID) -> Sequence[CasePaper]:
    """The case's checklist, every row locked: who holds it alone tells, receives and defers."""
    rows = await tx.session.scalars(
        select(CasePaper)
        .where(CasePaper.case_id == case_id)
        .order_by(CasePaper.place)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def running_deferrals(tx: Tx, case_id: UUID) -> Sequence[Deferral]:
    """Deferrals of the case whose papers are still awaited."""
    rows = await tx.session.scalars(
        select(Deferral)
        .where(Deferral.case_id == case_id, Deferral.state == DeferralState.RUNNING.value)
        .order_by(Deferral.deferred_at, Deferral.id)
    )
    return rows.all()


async def deferral(tx: Tx, deferral_id: UUID) -> Deferral:
    """A deferral. Raises NotFound."""
    row = await tx.session.get(Deferral, (tx.company_id, deferral_id))
    if row is None:
        raise NotFound(what="deferral / 容缺")
    return row


@dataclass(frozen=True, slots=True)
class PapersOfCase:
    """A case's checklist in its order, and everything that was put off, the oldest first."""

    papers: Sequence[CasePaper]
    deferrals: Sequence[Deferral]

    def gaps(self, now: datetime) -> Gaps:
        """What the checklist lacks at `now`."""
        running = DeferralState.RUNNING.value
        return gaps_among(self.papers, [one for one in self.deferrals if one.state == running], now)


async def of_case(tx: Tx, case_id: UUID) -> PapersOfCase:
    """Both by one statement; empty for a case that asks for no papers."""
    rows = await tx.session.execute(
        select(CasePaper, Deferral)
        .outerjoin(Deferral, Deferral.paper_id == CasePaper.id)
        .where(CasePaper.case_id == case_id)
        .order_by(CasePaper.place)
    )
    found: dict[CasePaper, None] = {}
    deferred: list[Deferral] = []
    for paper, one in rows:
        found[paper] = None
        if one is not None:
            deferred.append(one)
    return PapersOfCase(list(found), sorted(deferred, key=lambda one: (one.deferred_at, one.id)))


async def gaps(tx: Tx, case_id: UUID) -> Gaps:
    """What the case's checklist lacks now; nothing for a case that asks for no papers."""
    return (await of_case(tx, case_id)).gaps(tx.now)


def gaps_among(checklist: Sequence[CasePaper], running: Sequence[Deferral], now: datetime) -> Gaps:
    """What is lacking of rows already read."""
    awaited = {one.paper_id: one.due_at for one in running}
    return rules.gaps(
        rules.Standing(
            document=document_of(paper),
            state=PaperState(paper.state),
            awaited=paper.id in awaited,
            overdue=paper.id in awaited and awaited[paper.id] < now,
        )
        for paper in checklist
    )


async def notices(tx: Tx, case_id: UUID) -> Sequence[GapNotice]:
    """What the customer was told, the first first."""
    rows = await tx.session.scalars(
        select(GapNotice).where(GapNotice.case_id == case_id).order_by(GapNotice.number)
    )
    return rows.all()


async def entries(tx: Tx, case_id: UUID) -> Sequence[PaperEntry]:
    """Everything that happened to the case's papers, in order."""
    rows = await tx.session.scalars(
        select(PaperEntry)
        .where(PaperEntry.case_id == case_id)
        .order_by(PaperEntry.at, PaperEntry.id)
    )
    return rows.all()


def paper_view(paper: CasePaper) -> PaperView:
    """The wire form of one document of a checklist; the number of a personal one is masked."""
    document = document_of(paper)
    number = paper.number
    if number is not None and document.personal:
        number = mask_identity_card(number)
    return PaperView(
        document=document.id,
        zh=document.zh,
        en=document.en,
        source=document.source,
        state=PaperState(paper.state),
        safety=rules.never_later(document),
        deferrable=not rules.never_later(document),
        personal=document.personal,
        one_of=document.one_of,
        at=paper.at,
        by=paper.by_name,
        words=paper.words,
        number=number,
    )


async def deferrals_of(tx: Tx, known: PapersOfCase) -> list[DeferralView]:
    """The case's deferrals, the oldest first."""
    return await deferral_views(tx, known.deferrals, tx.now, known.papers)


async def to_chase(tx: Tx, now: datetime) -> list[DeferralView]:
    """Deferrals that want a chaser at `now`, the nearest due first.

    Read off state: a mark of the pack's (or the due time) has passed, and no chaser was recorded
    for it. Safety papers are never among them, because none is ever deferred.
    """
    rows = await tx.session.scalars(
        select(Deferral)
        .where(Deferral.state == DeferralState.RUNNING.value)
        .order_by(Deferral.due_at, Deferral.id)
    )
    found = await deferral_views(tx, rows.all(), now)
    return [one for one in found if one.chase_percent is not None][:DEFERRALS_SHOWN]


async def deferral_views(
    tx: Tx, rows: Sequence[Deferral], now: datetime, papers: Sequence[CasePaper] | None = None
) -> list[DeferralView]:
    """Deferrals as screens see them at `now`, in the given order.

    papers: theirs, if read already.
    """
    if not rows:
        return []
    ids = [row.id for row in rows]
    made: dict[UUID, list[DeferralChase]] = {one: [] for one in ids}
    for chase in await tx.session.scalars(
        select(DeferralChase)
        .where(DeferralChase.deferral_id.in_(ids))
        .order_by(DeferralChase.at, DeferralChase.id)
    ):
        made[chase.deferral_id].append(chase)
    if papers is None:
        found = select(CasePaper).where(CasePaper.id.in_({row.paper_id for row in rows}))
        papers = (await tx.session.scalars(found)).all()
    documents = {paper.id: document_of(paper) for paper in papers}
    return [_deferral_view(row, documents[row.paper_id], made[row.id], now) for row in rows]


def _deferral_view(
    row: Deferral, document: Document, chases: Sequence[DeferralChase], now: datetime
) -> DeferralView:
    running = row.state == DeferralState.RUNNING.value
    passed = rules.mark_passed(
        row.chase_at_percent, deferred_at=row.deferred_at, due_at=row.due_at, now=now
    )
    return DeferralView(
        id=row.id,
        case_id=row.case_id,
        document=document.id,
        zh=document.zh,
        en=document.en,
        state=DeferralState(row.state),
        deferred_at=row.deferred_at,
        due_at=row.due_at,
        overdue=(row.ended_at or now) > row.due_at,
        provisional=row.provisional,
        ended_at=row.ended_at,
        words=row.words,
        chase_percent=(
            rules.chase_wanted(passed, (one.mark_percent for one in chases)) if running else None
        ),
        chases=[
            ChaseView(
                at=one.at,
                by=one.by_name,
                means=Means(one.means),
                reached=one.reached,
                mark_percent=one.mark_percent,
                words=one.words,
            )
            for one in chases
        ],
    )


def notice_view(row: GapNotice) -> NoticeView:
    """The wire form of a notice."""
    return NoticeView(
        id=row.id,
        number=row.number,
        at=row.at,
        by=row.by_name,
        documents=row.documents,
        deferred=row.deferred,
        after_rejection=row.after_rejection,
        words=row.words,
    )


async def page(tx: Tx, case_id: UUID) -> PapersPage:
    """A case's papers with everything that happened to them."""
    known = await of_case(tx, case_id)
    return PapersPage(
        papers=[paper_view(paper) for paper in known.papers],
        gaps=known.gaps(tx.now),
        notices=[notice_view(row) for row in await notices(tx, case_id)],
        deferrals=await deferrals_of(tx, known),
        entries=[
            PaperEntryView(
                document=row.document_id,
                verb=PaperVerb(row.verb),
                at=row.at,
                by=row.by_name,
                words=row.words,
            )
            for row in await entries(tx, case_id)
        ],
    )
