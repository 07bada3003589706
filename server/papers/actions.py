"""What is done with a case's papers. Callers hold the lock on the case, where they have one; the
rows of its checklist are locked after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from server.access.actions import trace
from server.db import Tx, new_id
from server.feed import note
from server.papers import queries, rules
from server.papers.tables import CasePaper, Deferral, DeferralChase, GapNotice, PaperEntry
from server.papers.wire import ChaseIn, DeferralState, NumberShown, PaperState, PaperVerb
from server.policy.queries import company_today, pack_of, pack_version
from server.policy.rules import clauses_of
from server.policy.wire import Pack, SubjectKind
from server.policy.wire_limits import WorkingDays
from server.policy.wire_papers import Document
from server.promises import actions_terms as promises
from server.promises.queries import clocks_of
from server.promises.queries_terms import work_time_of
from server.promises.rules_units import reckon
from server.promises.subject import Subject
from server.refusal import NotFound

PAPERS_DUE = "papers_due"
"""The date by which a deferred paper is due, for packs whose clause says «规定期限»."""


async def ask(
    tx: Tx,
    case_id: UUID,
    documents: Sequence[Document],
    *,
    pack: Pack | None = None,
    drill: bool = False,
) -> None:
    """Put these documents on the case's checklist; those on it already stay as they are.

    pack: the edition the case lives by; None: the one in force. Raises GapsAlreadyNotified when a
    new document is asked for after the customer was told what is missing.
    """
    known = await queries.locked_papers(tx, case_id)
    asked = {paper.document_id for paper in known}
    new = [document for document in documents if document.id not in asked]
    if not new:
        return
    told = await queries.notices(tx, case_id)
    if told:
        raise rules.GapsAlreadyNotified(
            at=told[0].at.isoformat(timespec="minutes"), documents=_named(new)
        )
    version = (pack or await pack_of(tx)).version
    for place, document in enumerate(new, len(known)):
        paper = CasePaper(
            id=new_id(),
            case_id=case_id,
            document_id=document.id,
            document=msgspec.to_builtins(document),
            pack_version=version,
            drill=drill,
            place=place,
            state=PaperState.MISSING.value,
            words="",
        )
        tx.session.add(paper)
        await tx.session.flush()
        _enter(tx, paper, PaperVerb.ASKED, "")
    note(tx, "papers_asked", case_id=case_id, params={"documents": [one.id for one in new]})
    await tx.session.flush()


async def receive(
    tx: Tx, case_id: UUID, document_id: str, *, words: str = "", number: str | None = None
) -> CasePaper:
    """A document came in and is good. Ends the deferral of it, or of another of its group.

    number: its own number, or where the copy is kept. Raises PaperUnknown, PaperStateRefused (it
    is in already).
    """
    checklist = await queries.locked_papers(tx, case_id)
    paper, document = _pick(checklist, document_id)
    if paper.state == PaperState.RECEIVED.value:
        raise _state_refused(paper, document)
    paper.number = number
    _turn(tx, paper, PaperState.RECEIVED, words)
    _enter(tx, paper, PaperVerb.RECEIVED, words)
    note(tx, "paper_received", case_id=case_id, params=_told(document))
    await tx.session.flush()
    group = {paper.id}
    if document.one_of is not None:
        group |= {one.id for one in checklist if queries.document_of(one).one_of == document.one_of}
    for deferral in await queries.running_deferrals(tx, case_id):
        if deferral.paper_id in group:
            await _end(tx, deferral, DeferralState.IN)
            await promises.tell(tx, _subject(deferral), "papers_in", tx.now)
            note(
                tx,
                "deferral_done",
                case_id=case_id,
                subject=("deferral", deferral.id),
                params=_told(document) | {"late": tx.now > deferral.due_at},
            )
    await tx.session.flush()
    return paper


async def reject(tx: Tx, case_id: UUID, document_id: str, words: str) -> CasePaper:
    """What was handed in is not good. The rejection is recorded; a running deferral runs on.

    Raises PaperUnknown, PaperStateRefused (waived).
    """
    paper, document = _pick(await queries.locked_papers(tx, case_id), document_id)
    if paper.state == PaperState.WAIVED.value:
        raise _state_refused(paper, document)
    if paper.state == PaperState.DEFERRED.value:
        paper.words = words
    else:
        _turn(tx, paper, PaperState.REJECTED, words)
    _enter(tx, paper, PaperVerb.REJECTED, words)
    note(tx, "paper_rejected", case_id=case_id, params=_told(document) | {"words": words})
    await tx.session.flush()
    return paper


async def waive(tx: Tx, case_id: UUID, document_id: str, words: str) -> CasePaper:
    """The document is not needed after all, for a reason.

    Raises PaperUnknown, PaperNeverWaived, PaperStateRefused (received or waived already).
    """
    paper, document = _pick(await queries.locked_papers(tx, case_id), document_id)
    if rules.never_later(document):
        raise rules.PaperNeverWaived(zh=document.zh, en=document.en)
    if paper.state in (PaperState.RECEIVED.value, PaperState.WAIVED.value):
        raise _state_refused(paper, document)
    _turn(tx, paper, PaperState.WAIVED, words)
    _enter(tx, paper, PaperVerb.WAIVED, words)
    note(tx, "paper_waived", case_id=case_id, params=_told(document) | {"words": words})
    for deferral in await queries.running_deferrals(tx, case_id):
        if deferral.paper_id == paper.id:
            await _let_go(tx, deferral, "waived")
    await tx.session.flush()
    return paper


async def notify(tx: Tx, case_id: UUID, words: str = "") -> GapNotice:
    """Tell the customer everything that is missing, once (一次性告知).

    A later notice is for papers rejected since, and lists those alone. Raises NoGaps,
    GapsAlreadyNotified, NotFound (the case asks for no papers).
    """
    checklist = _asked(await queries.locked_papers(tx, case_id))
    earlier, rejected = await _told_before(tx, case_id)
    missing = await _missing(tx, case_id, checklist)
    if not missing:
        raise rules.NoGaps
    listed = [one for one in missing if one in rejected] if earlier and rejected else missing
    after = rules.may_tell(listed, told=earlier, rejected_since=rejected, deferring=False)
    notice = await _store_notice(tx, case_id, listed, [], after, words)
    await tx.session.flush()
    return notice


async def notify_by_form(tx: Tx, case_id: UUID, words: str = "") -> GapNotice | None:
    """The notice of gaps is being printed for the customer: record what it tells that is new.

    None: nothing new is told, because nothing is missing, or because all that is was told before.
    Printing again what was told is no second list; a list never grows. Raises GapsAlreadyNotified
    when it would.
    """
    checklist = await queries.locked_papers(tx, case_id)
    missing = await _missing(tx, case_id, checklist)
    earlier, rejected = await _told_before(tx, case_id)
    told = frozenset[str]().union(*(one.documents for one in earlier))
    if rejected.isdisjoint(missing) and set(missing) <= told:
        return None
    return await notify(tx, case_id, words)


async def defer(
    tx: Tx,
    case_id: UUID,
    documents: Sequence[str],
    due_at: datetime | None = None,
    words: str = "",
) -> list[Deferral]:
    """Accept these documents later (容缺): all that are to come later, in one list.

    The first list is also the one-time notice of everything missing. due_at: earlier than the
    pack's time, None: the pack's. Raises PaperNeverDeferred, DeferralNotAllowed, DueTooLate,
    GapsAlreadyNotified, PaperUnknown, PaperStateRefused.
    """
    checklist = await queries.locked_papers(tx, case_id)
    wanted = list(dict.fromkeys(documents))
    picked = [_pick(checklist, one) for one in wanted]
    if not picked:
        raise rules.NoGaps
    pack = await pack_version(tx, checklist[0].pack_version)
    rules.check_may_defer(pack.deferrals, (document for _, document in picked))
    for paper, document in picked:
        if paper.state not in (PaperState.MISSING.value, PaperState.REJECTED.value):
            raise _state_refused(paper, document)
    latest, provisional = await _latest(tx, pack)
    due = latest if due_at is None else due_at
    if not tx.now < due <= latest:
        raise rules.DueTooLate(latest=latest.isoformat(timespec="minutes"))
    earlier, rejected = await _told_before(tx, case_id)
    after = rules.may_tell(wanted, told=earlier, rejected_since=rejected, deferring=True)
    missing = await _missing(tx, case_id, checklist) if not earlier else []
    listed = wanted + [one for one in missing if one not in wanted]
    await _store_notice(tx, case_id, listed, wanted, after, words)
    made = []
    for paper, document in picked:
        row = Deferral(
            id=new_id(),
            case_id=case_id,
            paper_id=paper.id,
            document_id=document.id,
            state=DeferralState.RUNNING.value,
            deferred_at=tx.now,
            due_at=due,
            provisional=provisional,
            chase_at_percent=sorted(pack.deferrals.chase_at_percent),
            words=words,
        )
        _turn(tx, paper, PaperState.DEFERRED, words)
        _enter(tx, paper, PaperVerb.DEFERRED, words)
        tx.session.add(row)
        await tx.session.flush()
        await _promise(tx, row, pack, drill=paper.drill)
        note(
            tx,
            "paper_deferred",
            case_id=case_id,
            subject=("deferral", row.id),
            params=_told(document) | {"due_at": row.due_at, "words": words},
        )
        made.append(row)
    await tx.session.flush()
    return made


async def chase(tx: Tx, deferral_id: UUID, chase_in: ChaseIn) -> Deferral:
    """Somebody asked the customer for a deferred paper. Raises DeferralOver, NotFound."""
    case_id = (await queries.deferral(tx, deferral_id)).case_id
    await queries.locked_papers(tx, case_id)
    row = await queries.deferral(tx, deferral_id)
    await tx.session.refresh(row)
    if row.state != DeferralState.RUNNING.value:
        raise rules.DeferralOver
    mark = rules.mark_passed(
        row.chase_at_percent, deferred_at=row.deferred_at, due_at=row.due_at, now=tx.now
    )
    tx.session.add(
        DeferralChase(
            id=new_id(),
            deferral_id=row.id,
            mark_percent=mark,
            means=chase_in.means.value,
            reached=chase_in.reached,
            words=chase_in.words,
            at=tx.now,
            by_id=tx.actor.id,
            by_name=tx.actor.name,
        )
    )
    note(
        tx,
        "deferral_chased",
        case_id=row.case_id,
        subject=("deferral", row.id),
        params={
            "document": row.document_id,
            "means": chase_in.means.value,
            "reached": chase_in.reached,
            "words": chase_in.words,
        },
    )
    await tx.session.flush()
    return row


async def let_go(tx: Tx, case_id: UUID, reason: str) -> None:
    """The case was withdrawn or refused: nothing deferred is awaited any more. A case that is done
    keeps its deferrals running (A25). Idempotent.
    """
    await queries.locked_papers(tx, case_id)
    for row in await queries.running_deferrals(tx, case_id):
        await _let_go(tx, row, reason)
    await tx.session.flush()


async def unmask(tx: Tx, case_id: UUID, document_id: str, reason: str) -> NumberShown:
    """A paper's number in full; who asked, when and why is recorded. Raises PaperUnknown."""
    paper, document = _pick(_asked(await queries.papers(tx, case_id)), document_id)
    trace(
        tx,
        "paper_unmasked",
        subject=("paper", paper.id),
        reason=reason,
        params={"document": document.id, "case_id": str(case_id)},
    )
    return NumberShown(number=paper.number)


def _asked(checklist: Sequence[CasePaper]) -> Sequence[CasePaper]:
    """A case without a checklist asks for nothing, or is not of this company."""
    if not checklist:
        raise NotFound(what="papers of the case / 业务单资料")
    return checklist


def _pick(checklist: Sequence[CasePaper], document_id: str) -> tuple[CasePaper, Document]:
    for paper in checklist:
        if paper.document_id == document_id:
            return paper, queries.document_of(paper)
    raise rules.PaperUnknown(document=document_id)


def _turn(tx: Tx, paper: CasePaper, state: PaperState, words: str) -> None:
    paper.state = state.value
    paper.at = tx.now
    paper.by_name = tx.actor.name
    paper.words = words


def _enter(tx: Tx, paper: CasePaper, verb: PaperVerb, words: str) -> None:
    tx.session.add(
        PaperEntry(
            id=new_id(),
            case_id=paper.case_id,
            paper_id=paper.id,
            document_id=paper.document_id,
            verb=verb.value,
            at=tx.now,
            by_id=tx.actor.id,
            by_name=tx.actor.name,
            words=words,
        )
    )


def _state_refused(paper: CasePaper, document: Document) -> rules.PaperStateRefused:
    return rules.PaperStateRefused(zh=document.zh, en=document.en, state=paper.state)


def _told(document: Document) -> dict[str, object]:
    return {"document": document.id, "zh": document.zh, "en": document.en}


def _named(documents: Iterable[Document]) -> str:
    return "、".join(document.zh for document in documents)


def _subject(row: Deferral) -> Subject:
    return Subject(SubjectKind.DEFERRAL, row.id)


async def _missing(tx: Tx, case_id: UUID, checklist: Sequence[CasePaper]) -> list[str]:
    running = await queries.running_deferrals(tx, case_id)
    found = queries.gaps_among(checklist, running, tx.now)
    return [one for gap in found.missing for one in gap.documents]


async def _told_before(tx: Tx, case_id: UUID) -> tuple[list[rules.Told], set[str]]:
    """Earlier lists, and the documents rejected since they were last listed (since the first list,
    those that never were)."""
    lists = await queries.notices(tx, case_id)
    if not lists:
        return [], set()
    listed = {document: (one.at, one.id) for one in lists for document in one.documents}
    first = (lists[0].at, lists[0].id)
    rejected = {
        entry.document_id
        for entry in await queries.entries(tx, case_id)
        # Ids rise with time, so they order what one instant holds.
        if entry.verb == PaperVerb.REJECTED.value
        and (entry.at, entry.id) > listed.get(entry.document_id, first)
    }
    told = [rules.Told(one.at, frozenset(one.documents), bool(one.deferred)) for one in lists]
    return told, rejected


async def _store_notice(
    tx: Tx, case_id: UUID, documents: list[str], deferred: list[str], after: bool, words: str
) -> GapNotice:
    number = len(await queries.notices(tx, case_id)) + 1
    row = GapNotice(
        id=new_id(),
        case_id=case_id,
        number=number,
        at=tx.now,
        by_id=tx.actor.id,
        by_name=tx.actor.name,
        documents=documents,
        deferred=deferred,
        after_rejection=after,
        words=words,
    )
    tx.session.add(row)
    note(
        tx,
        "gaps_notified",
        case_id=case_id,
        params={"documents": documents, "deferred": deferred, "after_rejection": after},
    )
    await tx.session.flush()
    return row


async def _latest(tx: Tx, pack: Pack) -> tuple[datetime, bool]:
    """The end of the pack's time from now, and whether a year's holidays are not known."""
    work = await work_time_of(tx, pack)
    reckoning = reckon(WorkingDays(float(pack.deferrals.due)), tx.now, work)
    assert reckoning.due_at is not None, "working days give a figure"
    return reckoning.due_at, reckoning.unknown_year is not None


async def _promise(tx: Tx, row: Deferral, pack: Pack, *, drill: bool) -> None:
    """Begin the deferral's clocks; the strictest of them and the time set is when it is due."""
    subject = _subject(row)
    await promises.begin(
        tx,
        subject,
        pack=pack,
        clauses=clauses_of(pack, SubjectKind.DEFERRAL, await company_today(tx)),
        drill=drill,
        case_id=row.case_id,
    )
    await promises.set_date(tx, subject, PAPERS_DUE, row.due_at)
    await promises.tell(tx, subject, "deferred", tx.now)
    for clock in await clocks_of(tx, row.id, SubjectKind.DEFERRAL.value):
        if clock.due_at is not None:
            row.due_at = min(row.due_at, clock.due_at)


async def _end(tx: Tx, row: Deferral, state: DeferralState) -> None:
    row.state = state.value
    row.ended_at = tx.now
    await tx.session.flush()


async def _let_go(tx: Tx, row: Deferral, reason: str) -> None:
    await _end(tx, row, DeferralState.LET_GO)
    await promises.end(tx, _subject(row), reason)
    note(
        tx,
        "deferral_let_go",
        case_id=row.case_id,
        subject=("deferral", row.id),
        params={"document": row.document_id, "reason": reason},
    )
