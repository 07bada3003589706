"""What a checklist lacks, what may be told and deferred, and when a chaser is wanted. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.papers.wire import Gap, Gaps, PaperState
from server.policy.wire_papers import DeferralRules, Document
from server.refusal import Refusal

OVERDUE_PERCENT = 100
"""The last mark: a chaser is wanted once the time is over."""


class GapsAlreadyNotified(Refusal):
    """The customer was told what is missing once, and that was all (domain.md §3.4)."""

    code = "gaps_already_notified"
    zh = "已于 {at} 一次性告知缺件，不得再次增补：{documents}"
    en = "The customer was told once what is missing, at {at}; no second list: {documents}."


class NoGaps(Refusal):
    """Nothing is missing, so there is nothing to tell."""

    code = "no_gaps"
    zh = "没有缺少的资料"
    en = "Nothing is missing."


class PaperNeverDeferred(Refusal):
    """It touches legality, operating safety or technical reliability (A24)."""

    code = "paper_never_deferred"
    zh = "“{zh}”涉及项目合法性、运行安全性或技术可靠性，不得容缺"
    en = "“{en}” touches legality, operating safety or technical reliability; it cannot come later."


class PaperNeverWaived(Refusal):
    """What may not come later may not be left out either."""

    code = "paper_never_waived"
    zh = "“{zh}”涉及项目合法性、运行安全性或技术可靠性，不得免交"
    en = "“{en}” touches legality, operating safety or technical reliability; it cannot be waived."


class PaperUnknown(Refusal):
    """The case asks for no such document."""

    code = "paper_unknown"
    status = 404
    zh = "本业务单不需要资料“{document}”"
    en = "This case asks for no document “{document}”."


class PaperStateRefused(Refusal):
    """The verb does not fit how the paper stands."""

    code = "paper_state"
    zh = "“{zh}”当前为 {state}，不能执行此操作"
    en = "“{en}” is {state}; this cannot be done now."


class DeferralNotAllowed(Refusal):
    """The company accepts nothing later."""

    code = "deferral_not_allowed"
    zh = "本公司不适用容缺受理"
    en = "This company accepts no paper later."


class DueTooLate(Refusal):
    """The time set lies after what the pack allows, or has passed."""

    code = "due_too_late"
    status = 422
    zh = "补齐期限须在现在与 {latest} 之间"
    en = "The paper must be due between now and {latest}."


class DeferralOver(Refusal):
    """The paper is in, or no longer awaited."""

    code = "deferral_over"
    zh = "该容缺资料已不再等待"
    en = "This paper is no longer awaited."


def never_later(document: Document) -> bool:
    """Whether a document can never be deferred (A24)."""
    return document.safety or not document.deferrable


def check_may_defer(deferrals: DeferralRules, documents: Iterable[Document]) -> None:
    """Raise DeferralNotAllowed where the company defers nothing, and PaperNeverDeferred for the
    first document that can never come later.
    """
    if not deferrals.allowed:
        raise DeferralNotAllowed
    for document in documents:
        if never_later(document):
            raise PaperNeverDeferred(zh=document.zh, en=document.en)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one document stands, as the gaps need it."""

    document: Document
    state: PaperState
    awaited: bool = False
    """A deferral of it runs."""
    overdue: bool = False


def gaps(checklist: Iterable[Standing]) -> Gaps:
    """What is missing. Documents of one group stand for each other: one received or waived is
    enough, else one deferred, else all of the group are the gap.
    """
    groups: dict[str, list[Standing]] = {}
    for one in checklist:
        groups.setdefault(one.document.one_of or f" {one.document.id}", []).append(one)
    missing: list[Gap] = []
    deferred: list[Gap] = []
    overdue: list[Gap] = []
    for members in groups.values():
        if any(one.state in (PaperState.RECEIVED, PaperState.WAIVED) for one in members):
            continue
        awaited = [one for one in members if one.awaited]
        if not awaited:
            missing.append(_gap(members))
            continue
        deferred.append(_gap(awaited))
        if all(one.overdue for one in awaited):
            overdue.append(_gap(awaited))
    return Gaps(
        missing=tuple(missing),
        safety_missing=tuple(gap for gap in missing if gap.safety),
        deferred=tuple(deferred),
        overdue=tuple(overdue),
    )


def _gap(members: Sequence[Standing]) -> Gap:
    return Gap(
        documents=tuple(one.document.id for one in members),
        zh="或".join(one.document.zh for one in members),
        en=" or ".join(one.document.en for one in members),
        safety=any(never_later(one.document) for one in members),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """One earlier list."""

    at: datetime
    documents: frozenset[str]
    deferred: bool
    """Whether it was (also) a list of deferrals."""


def may_tell(
    documents: Collection[str],
    *,
    told: Sequence[Told],
    rejected_since: Collection[str],
    deferring: bool,
) -> bool:
    """Whether this list may be told; raises GapsAlreadyNotified when not. Returns True when it
    follows a rejection, False when it is the first list or defers what was told.

    rejected_since: documents rejected since a list last named them.
    """
    if not told:
        return False
    if documents and set(documents) <= set(rejected_since):
        return True
    known = frozenset[str]().union(*(one.documents for one in told))
    if deferring and not any(one.deferred for one in told) and set(documents) <= known:
        return False
    raise GapsAlreadyNotified(
        at=told[0].at.isoformat(timespec="minutes"), documents="、".join(documents)
    )


def mark_passed(
    marks: Iterable[int], *, deferred_at: datetime, due_at: datetime, now: datetime
) -> int:
    """The highest mark of the time between deferral and due that has passed; 0 before the first."""
    whole = (due_at - deferred_at).total_seconds()
    used_percent = 100 * (now - deferred_at).total_seconds() / whole
    return max((mark for mark in (*marks, OVERDUE_PERCENT) if used_percent >= mark), default=0)


def chase_wanted(passed: int, chased: Iterable[int]) -> int | None:
    """The mark that wants a chaser: the highest passed, unless one was made for it already."""
    return passed if passed > max(chased, default=0) else None
