"""What an assignment can be, and what each word from the field or the desk makes of it.

The table is data: the documentation's diagram is generated from it. Not here: what else happens
(actions), times (`rules`).

A phone's words may come early, late, twice or out of order. Therefore a word never moves an
assignment back, and a word that skips a milestone implies it: a crew that measures gas has
arrived, whether or not it tapped "arrived".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AssignmentState(StrEnum):
    """Where an assignment stands."""

    OFFERED = "offered"  # 已派出
    ACKNOWLEDGED = "acknowledged"  # 已接单
    EN_ROUTE = "en_route"  # 出动
    ON_SCENE = "on_scene"  # 到场
    CLEARED = "cleared"  # 已撤离
    DECLINED = "declined"  # 已拒绝
    RECALLED = "recalled"  # 已召回
    EXPIRED = "expired"  # 超时未接


LIVE: Final = frozenset(
    {
        AssignmentState.OFFERED,
        AssignmentState.ACKNOWLEDGED,
        AssignmentState.EN_ROUTE,
        AssignmentState.ON_SCENE,
    }
)
"""The crew is held by this assignment."""

UNDER_WAY: Final = frozenset({AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE})
"""The crew is doing it now. Planned work holds a crew only then: it may be agreed days ahead."""

RELEASED: Final = frozenset(
    {AssignmentState.DECLINED, AssignmentState.RECALLED, AssignmentState.EXPIRED}
)
"""The crew was let go before it finished; somebody else may have been sent since."""


class OrderState(StrEnum):
    """Where a work order stands; all but the last two follow from its assignments."""

    OPEN = "open"  # 待派
    ASSIGNED = "assigned"  # 已派
    ON_SCENE = "on_scene"  # 到场
    DONE = "done"  # 完成
    NOT_DONE = "not_done"  # 未完成: the crew said not_ready and left; its owner takes its branch
    CANCELLED = "cancelled"  # 取消
    SUPERSEDED = "superseded"  # 已变更


SETTLED: Final = frozenset({OrderState.CANCELLED, OrderState.SUPERSEDED})
"""States that somebody decided; nothing from the field changes them."""

OVER: Final = SETTLED | {OrderState.DONE, OrderState.NOT_DONE}
"""States after which the work is nobody's any more; a case may have it ordered again."""


class OrderKind(StrEnum):
    """Kinds of field work."""

    LEAK_RESPONSE = "leak_response"  # 抢险
    REPAIR = "repair"  # 维修
    SURVEY = "survey"  # 踏勘
    CONSTRUCTION = "construction"  # 施工
    ACCEPTANCE = "acceptance"  # 验收
    IGNITION = "ignition"  # 点火
    PLUGGING = "plugging"  # 封堵
    DISMANTLING = "dismantling"  # 拆除
    METER_CHANGE = "meter_change"  # 换表
    VISIT = "visit"  # 上门


class Verb(StrEnum):
    """What a phone can say about its assignment."""

    ACKNOWLEDGE = "acknowledge"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    FIRST_REPORT = "first_report"
    READING = "reading"
    MADE_SAFE = "made_safe"
    SOURCE_FOUND = "source_found"
    REPAIRED = "repaired"
    RECHECK = "recheck"
    NOBODY_HOME = "nobody_home"
    ADDRESS_WRONG = "address_wrong"
    COMPLETE = "complete"
    NOT_READY = "not_ready"
    CLEAR = "clear"


class DeskVerb(StrEnum):
    """What the desk or the watch can do to an assignment."""

    RECALL = "recall"
    EXPIRE = "expire"


class Milestone(StrEnum):
    """The steps every assignment passes, in this order."""

    ACKNOWLEDGED = "acknowledged"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    CLEARED = "cleared"


MILESTONES: Final = tuple(Milestone)

REACHES: Final[Mapping[Verb, Milestone]] = MappingProxyType(
    {
        Verb.ACKNOWLEDGE: Milestone.ACKNOWLEDGED,
        Verb.DEPART: Milestone.DEPARTED,
        # A wrong address is found out before arriving: the crew is under way, no more.
        Verb.ADDRESS_WRONG: Milestone.DEPARTED,
        Verb.ARRIVE: Milestone.ARRIVED,
        Verb.FIRST_REPORT: Milestone.ARRIVED,
        Verb.READING: Milestone.ARRIVED,
        Verb.MADE_SAFE: Milestone.ARRIVED,
        Verb.SOURCE_FOUND: Milestone.ARRIVED,
        Verb.REPAIRED: Milestone.ARRIVED,
        Verb.RECHECK: Milestone.ARRIVED,
        Verb.NOBODY_HOME: Milestone.ARRIVED,
        Verb.COMPLETE: Milestone.ARRIVED,
        Verb.NOT_READY: Milestone.ARRIVED,
        Verb.CLEAR: Milestone.CLEARED,
    }
)
"""The milestone a word proves to be passed, itself or by implication. Declining proves none."""

SAID_ONCE: Final = frozenset(
    {
        Verb.ACKNOWLEDGE,
        Verb.DECLINE,
        Verb.DEPART,
        Verb.ARRIVE,
        Verb.MADE_SAFE,
        Verb.COMPLETE,
        Verb.NOT_READY,
        Verb.CLEAR,
    }
)
"""Words that mean the same the second time; the others add something each time."""

COMPLETING: Final = frozenset({Verb.MADE_SAFE, Verb.REPAIRED, Verb.RECHECK})
"""An incident's work order whose crews have all left is done only if one of these was said;
"nobody home" or a wrong address leave it open (F03, F12). A case's order is done only by
`complete`: its record is the proof."""

OUTCOMES: Final = frozenset({Verb.COMPLETE, Verb.NOT_READY})
"""The words that end a case's order; said of an incident's they are refused."""

_S = AssignmentState
_V = Verb

DECLINED_AFTER_ARRIVAL: Final = "declined_after_arrival"
ENDED_CODES: Final[Mapping[AssignmentState, str]] = MappingProxyType(
    {
        _S.CLEARED: "assignment_cleared",
        _S.DECLINED: "assignment_declined",
        _S.RECALLED: "assignment_recalled",
        _S.EXPIRED: "assignment_expired",
    }
)
"""The code of the refusal that an ended assignment answers with."""

_SCENE_WORDS = (
    _V.ARRIVE,
    _V.FIRST_REPORT,
    _V.READING,
    _V.MADE_SAFE,
    _V.SOURCE_FOUND,
    _V.REPAIRED,
    _V.RECHECK,
    _V.NOBODY_HOME,
    _V.COMPLETE,
    _V.NOT_READY,
)


def _underway(state: AssignmentState) -> dict[Verb | DeskVerb, AssignmentState | str]:
    """A live state's row: forward only."""
    order = (_S.OFFERED, _S.ACKNOWLEDGED, _S.EN_ROUTE, _S.ON_SCENE)

    def furthest(other: AssignmentState) -> AssignmentState:
        return max(state, other, key=order.index)

    row: dict[Verb | DeskVerb, AssignmentState | str] = {
        _V.ACKNOWLEDGE: furthest(_S.ACKNOWLEDGED),
        _V.DEPART: furthest(_S.EN_ROUTE),
        _V.ADDRESS_WRONG: furthest(_S.EN_ROUTE),
        _V.CLEAR: _S.CLEARED,
        _V.DECLINE: DECLINED_AFTER_ARRIVAL if state is _S.ON_SCENE else _S.DECLINED,
        DeskVerb.RECALL: _S.RECALLED,
        DeskVerb.EXPIRE: _S.EXPIRED if state is _S.OFFERED else "offer_answered",
    }
    row.update(dict.fromkeys(_SCENE_WORDS, _S.ON_SCENE))
    return row


def _ended(
    state: AssignmentState, stays: frozenset[Verb]
) -> dict[Verb | DeskVerb, AssignmentState | str]:
    """An ended state's row: words in `stays` still fill in what happened, the others are refused
    (and kept)."""
    row: dict[Verb | DeskVerb, AssignmentState | str] = {}
    for word in (*Verb, *DeskVerb):
        row[word] = state if word in stays else ENDED_CODES[state]
    return row


TRANSITIONS: Final[Mapping[AssignmentState, Mapping[Verb | DeskVerb, AssignmentState | str]]] = (
    MappingProxyType(
        {
            _S.OFFERED: _underway(_S.OFFERED),
            _S.ACKNOWLEDGED: _underway(_S.ACKNOWLEDGED),
            _S.EN_ROUTE: _underway(_S.EN_ROUTE),
            _S.ON_SCENE: _underway(_S.ON_SCENE),
            # A phone that was offline tells the whole story after it left: all of it counts.
            _S.CLEARED: {
                **_ended(_S.CLEARED, frozenset(Verb)),
                _V.DECLINE: DECLINED_AFTER_ARRIVAL,
            },
            _S.DECLINED: _ended(
                _S.DECLINED,
                frozenset({_V.ACKNOWLEDGE, _V.DECLINE, _V.DEPART, _V.ADDRESS_WRONG}),
            ),
            # Somebody else may have been sent: nothing revives the assignment, all is kept.
            _S.RECALLED: _ended(_S.RECALLED, frozenset()),
            _S.EXPIRED: _ended(_S.EXPIRED, frozenset()),
        }
    )
)
"""state → word → the next state, or the code of the refusal."""


def after(state: AssignmentState, word: Verb | DeskVerb) -> tuple[AssignmentState, str | None]:
    """The state after `word`, and the refusal's code when the word is refused (state unchanged)."""
    step = TRANSITIONS[state][word]
    if isinstance(step, AssignmentState):
        return step, None
    return state, step
