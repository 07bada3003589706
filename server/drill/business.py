"""A month of business in the invented town: who applies for what, when, and what goes wrong.

Drawn from a seed, without clock or network: the same seed, month, premises and processes give the
same customers and the same mishaps. Not here: how a case is played (`case_player`), which way it
goes at each step (`case_choices`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from server.drill.town_names import person
from server.drill.town_papers import Premises
from server.policy.rules import conditions_hold
from server.policy.wire_papers import Channel
from server.policy.wire_processes import CustomerClass, Particulars, Process

WEIGHTS: Final[Mapping[str, float]] = {
    "connection": 30,
    "ignition": 26,
    "change": 18,
    "suspension": 10,
    "complaint": 9,
    "service": 8,
    "internal": 3,
}
"""How often each group of processes is asked for; within a group all are alike."""
PUSHED_SHARE: Final = 0.12
"""Of new connections, so many are pushed by a platform before the customer comes."""
LATE_SHARE: Final = 0.18
"""So many apply in the evening or on a day that is not worked."""

DRAWS: Final = 500
"""So often a customer is drawn anew until the process serves them."""

_INTERNAL: Final = frozenset({"gov_push", "transfer", "sensor", "patrol"})
"""Kinds of channels by which no customer comes."""
_TRADES: Final = ("面馆", "火锅店", "早餐店", "酒店", "学校食堂", "洗衣房", "医院", "食品厂")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "connection": ("想给店里通天然气", "新建项目申请用气", "厂房扩建，需要接气"),
    "ignition": ("房子装修好了，申请开通点火", "新房入住，请安排通气"),
    "change": ("家里情况有变化，来办变更", "想改一下登记和用气设施"),
    "suspension": ("长期外出，不再用气", "房子要转让，来办停用"),
    "complaint": ("约好的时间没人来", "收费没有讲清楚", "施工后没有恢复地面"),
    "service": ("请安排人员上门", "麻烦上门看看表"),
    "internal": ("计划检修",),
}


@dataclass(frozen=True, slots=True)
class Mishaps:
    """What will go wrong with one case, as far as its process gives it the chance."""

    slow: bool
    """Somebody lets it lie: clocks run out."""
    nobody_home: bool
    red_item: bool
    """The first ignition finds a red item."""
    fails_acceptance: bool
    bad_record: bool
    """The crew first sends a record that is refused."""
    quantity: bool
    """变更工程量 while it is built."""
    refused: bool
    """The first «no» that may end it does."""
    withdraws: bool
    defers: bool
    """Papers come later (容缺)."""
    late_papers: bool
    balance_fen: int
    """What the customer's account stands at before a transfer or close-out."""
    complaint_loops: int
    hasty: bool
    """Somebody tries what the rules forbid."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One application of the month. `seed` draws its further choices."""

    number: int
    arrives_at: datetime
    process: str
    group: str
    channel: str
    premises: Premises
    name: str
    phone: str
    residential: bool
    particulars: Mapping[str, Any]
    words: str
    mishaps: Mishaps
    seed: str
    project: Mapping[str, Any] | None = field(default=None)
    """Set: a platform pushes it first, as this."""


@dataclass(frozen=True, slots=True)
class Month:
    """The time to be played, [begins, ends), in the company's time zone."""

    begins: datetime
    ends: datetime
    days_off: frozenset[int]
    """Days after `begins` that are not worked."""


def plan_cases(
    seed: int,
    count: int,
    month: Month,
    premises: Sequence[Premises],
    processes: Sequence[Process],
    channels: Sequence[Channel],
    classes: Sequence[CustomerClass],
    *,
    hasty: bool = True,
) -> list[PlannedCase]:
    """The month's applications in the order they come in; `hasty`: some try what is
    forbidden, and complaints come back until the managers' meeting has them.

    `premises` must hold flats and shops; `processes` are those a desk can open; `classes` the
    pack's, which decide who may ask for what.
    """
    chance = random.Random(f"{seed}/business")
    groups: dict[str, list[Process]] = {}
    for process in processes:
        groups.setdefault(process.group, []).append(process)
    known = [group for group in WEIGHTS if group in groups]
    places = {
        True: [one for one in premises if one.kind in ("flat", "house")],
        False: [one for one in premises if one.kind == "shop"],
    }
    moments = sorted(_arrival(chance, month) for _ in range(count))
    cases = []
    for number, at in enumerate(moments, start=1):
        if number <= len(known):
            # Each group once, however small the month; then by weight.
            group = known[number - 1]
        else:
            group = chance.choices(known, [WEIGHTS[one] for one in known])[0]
        process = chance.choice(groups[group])
        named = f"{seed}/case/{number}"
        one = _case(chance, named, number, at, process, places, channels, classes)
        if not hasty:
            loops = min(1, one.mishaps.complaint_loops)
            one = replace(one, mishaps=replace(one.mishaps, hasty=False, complaint_loops=loops))
        cases.append(one)
    return cases


def _arrival(chance: random.Random, month: Month) -> datetime:
    days = max(1, (month.ends - month.begins).days)
    worked = [day for day in range(days) if day not in month.days_off] or list(range(days))
    if chance.random() < LATE_SHARE:
        day, hour = chance.randrange(days), chance.uniform(18, 22)
    else:
        day, hour = chance.choice(worked), chance.uniform(9, 17)
    at = month.begins.replace(hour=0, minute=0, second=0, microsecond=0)
    at += timedelta(days=day, hours=hour)
    return min(max(at, month.begins), month.ends - timedelta(hours=2))


def _case(
    chance: random.Random,
    seed: str,
    number: int,
    at: datetime,
    process: Process,
    places: Mapping[bool, Sequence[Premises]],
    channels: Sequence[Channel],
    classes: Sequence[CustomerClass],
) -> PlannedCase:
    particulars = _customer_for(chance, process, classes)
    residential = bool(particulars["residential"])
    place = chance.choice(places[residential])
    name = place.customer_name if residential else f"{person(chance)}（{chance.choice(_TRADES)}）"
    pushes = any(one.kind == "gov_push" for one in channels)
    new = process.group == "connection" and not residential
    pushed = pushes and new and chance.random() < PUSHED_SHARE
    allowed = process.channels or tuple(one.id for one in channels if one.kind not in _INTERNAL)
    return PlannedCase(
        number=number,
        arrives_at=at,
        process=process.id,
        group=process.group,
        channel=chance.choice(allowed),
        premises=place,
        name=name,
        phone=place.customer_phone,
        residential=residential,
        particulars=particulars,
        words=chance.choice(_WORDS[process.group]),
        mishaps=_mishaps(chance),
        seed=seed,
        project=_project(chance, number, name, place, particulars) if pushed else None,
    )


def _customer_for(
    chance: random.Random, process: Process, classes: Sequence[CustomerClass]
) -> dict[str, Any]:
    """Somebody whom the process serves."""
    share = {"connection": 0.15, "ignition": 0.9, "internal": 0.0}.get(process.group, 0.7)
    for _ in range(DRAWS):
        drawn = _particulars(chance, residential=chance.random() < share)
        class_ = next(one.id for one in classes if conditions_hold(one.when, Particulars(**drawn)))
        if not process.customers or class_ in process.customers:
            return drawn
    raise ValueError(f"nobody in town is of a class that {process.id} serves")


def _particulars(chance: random.Random, *, residential: bool) -> dict[str, Any]:
    if residential:
        return {
            "residential": True,
            "scattered": chance.random() < 0.5,
            "flow_m3h": 2.5,
            "to_residential": chance.random() < 0.5,
        }
    flow = chance.choice((6, 12, 18, 35, 80, 300))
    return {
        "residential": False,
        "flow_m3h": flow,
        "annual_m3": flow * chance.choice((900, 1500, 2400)),
        "external_line": chance.random() < 0.3,
        "pre_laid": chance.random() < 0.2,
        "to_residential": chance.random() < 0.5,
    }


def _project(
    chance: random.Random,
    number: int,
    name: str,
    place: Premises,
    particulars: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "project_code": f"26-{chance.randrange(10**6):06d}-04-01-{number:06d}",
        "project_name": f"{place.address}用气项目",
        "address": place.address,
        "contact_name": name,
        "contact_phone": place.customer_phone,
        "lon": place.lon,
        "lat": place.lat,
        "residential": False,
        "flow_m3h": particulars["flow_m3h"],
        "stage": "施工许可",
        "words": "平台推送",
    }


def _mishaps(chance: random.Random) -> Mishaps:
    def happens(share: float) -> bool:
        return chance.random() < share

    return Mishaps(
        slow=happens(0.15),
        nobody_home=happens(0.2),
        red_item=happens(0.35),
        fails_acceptance=happens(0.45),
        bad_record=happens(0.12),
        quantity=happens(0.25),
        refused=happens(0.1),
        withdraws=happens(0.04),
        defers=happens(0.4),
        late_papers=happens(0.3),
        balance_fen=chance.choice((0, 0, 12_300, -8_650, -23_400)),
        complaint_loops=chance.choices((0, 1, 2, 3), (5, 3, 1, 1))[0],
        hasty=happens(0.5),
    )
