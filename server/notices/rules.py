"""Lead times and hours of planned work, and what is refused.

Pure: nothing here knows a database. Source of the rules: the packs' notices.toml; A20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.notices.wire import OutageWork
from server.policy.wire_papers import NoticeRule, QuietHours
from server.refusal import Refusal


class NoticeTooLate(Refusal):
    """The strictest blocking lead time cannot be kept any more."""

    code = "notice_too_late"
    zh = "须提前 {hours} 小时通告（{rule}）；现在发布，最早可于 {earliest} 开工"
    en = "Notice is due {hours} h ahead ({rule}); published now, work may start at {earliest}."


class QuietHoursRefused(Refusal):
    """The work overlaps hours in which it may not be done."""

    code = "quiet_hours"
    zh = "作业时间与禁止时段重叠：{rule}（{from_time}–{to_time}）"
    en = "The work overlaps hours closed to it: {rule} ({from_time}–{to_time})."


class RestoreInQuietHours(Refusal):
    """Residents are not restored at night without everybody's consent and presence."""

    code = "restore_in_quiet_hours"
    zh = "{rule}；例外须逐户记录同意且有人在家，尚缺 {missing} 户"
    en = "{rule}; an exception needs each resident's consent and presence: {missing} missing."


class OutageWrongState(Refusal):
    """The outage is not in the state this needs."""

    code = "outage_state"
    zh = "通知 {number} 当前状态（{state}）不能执行此操作"
    en = "Notice {number} is {state}; this cannot be done."


class WorkBeforeNotice(Refusal):
    """Work would begin before the hour announced."""

    code = "work_before_notice"
    zh = "通告的开始时间为 {starts}，不得提前作业"
    en = "The announced start is {starts}; work may not begin before."


class AddressNotAffected(Refusal):
    """The address is not on the notice."""

    code = "address_not_affected"
    status = 422
    zh = "通知中没有地址“{address}”"
    en = "The notice does not list the address “{address}”."


class OutageWithoutIncident(Refusal):
    """An emergency outage belongs to an incident on which work goes on."""

    code = "outage_without_incident"
    zh = "险情 {number} 已结束，不能据此免除提前通告"
    en = "Incident {number} is over; it excuses no notice."


@dataclass(frozen=True, slots=True)
class Lead:
    """One notice rule applied to one outage."""

    rule: NoticeRule
    publish_by: datetime
    exempt: bool
    kept: bool


def leads(
    rules: Sequence[NoticeRule],
    work: OutageWork,
    *,
    starts_at: datetime,
    published_at: datetime,
    emergency: bool,
) -> list[Lead]:
    """Every rule for that work, strictest first, and whether publishing at that instant keeps it.

    Publishing exactly so many hours ahead keeps it.
    """
    found = []
    for rule in rules:
        if work.value not in rule.work:
            continue
        publish_by = starts_at - timedelta(hours=rule.hours_ahead)
        exempt = emergency and rule.emergency_exempt
        found.append(Lead(rule, publish_by, exempt, exempt or published_at <= publish_by))
    return sorted(found, key=lambda lead: (-lead.rule.hours_ahead, lead.rule.id))


def earliest_start(known: Sequence[Lead], published_at: datetime) -> datetime:
    """The earliest start that the blocking rules allow a notice published then."""
    hours = [lead.rule.hours_ahead for lead in known if lead.rule.blocks and not lead.exempt]
    return published_at + timedelta(hours=max(hours, default=0))


def check_lead(known: Sequence[Lead], published_at: datetime, zone: ZoneInfo) -> None:
    """Raise NoticeTooLate when the strictest blocking rule is not kept."""
    for lead in known:
        if lead.rule.blocks and not lead.kept:
            earliest = earliest_start(known, published_at).astimezone(zone)
            raise NoticeTooLate(
                hours=lead.rule.hours_ahead,
                rule=lead.rule.zh,
                earliest=f"{earliest:%Y-%m-%d %H:%M}",
            )


def overlapped(
    quiet: Sequence[QuietHours],
    kind: str,
    begins: datetime,
    ends: datetime,
    zone: ZoneInfo,
) -> list[QuietHours]:
    """The quiet hours for that kind of work which [begins, ends) touches, by local time.

    begins == ends asks for one instant; the last minute of quiet hours is their end itself, which
    is free again.
    """
    return [
        hours
        for hours in quiet
        if kind in hours.work and _touches(hours, begins.astimezone(zone), ends.astimezone(zone))
    ]


def _touches(hours: QuietHours, begins: datetime, ends: datetime) -> bool:
    day = begins.date() - timedelta(days=1)
    while day <= ends.date():
        start = _at(day, hours.from_time, begins)
        over = hours.to_time <= hours.from_time
        stop = _at(day + timedelta(days=1) if over else day, hours.to_time, begins)
        if begins == ends:
            if start <= begins < stop:
                return True
        elif begins < stop and start < ends:
            return True
        day += timedelta(days=1)
    return False


def _at(day: date, clock: time, like: datetime) -> datetime:
    return datetime.combine(day, clock, tzinfo=like.tzinfo)
