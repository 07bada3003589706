"""The words of skills and kit, and what the crews' room refuses.

Not here: who is on duty (queries), whom to send (`server.dispatch`).
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from server.refusal import Refusal

LEAK_RESPONSE: Final = "leak_response"
"""The skill of answering a leak: 燃气抢修. Without it an arrival stops no promise (A16, F11)."""
DETECTOR: Final = "gas_detector"
"""The kit that makes a leak crew able to measure: 可燃气体检测仪 (A16, F11)."""


def qualified_for_leak(skills: Set[str], kit: Set[str]) -> bool:
    """True when a crew's arrival at a leak counts.

    Source: design A16, "a crew without detector does not stop it".
    """
    return LEAK_RESPONSE in skills and DETECTOR in kit


class CrewCodeTaken(Refusal):
    """Another crew of the company bears this code."""

    code = "crew_code_taken"
    zh = "班组编号“{crew_code}”已被使用"
    en = "The crew code “{crew_code}” is already in use."


class PersonInAnotherCrew(Refusal):
    """A person belongs to one crew at a time, so that a phone's crew is never in doubt."""

    code = "person_in_another_crew"
    zh = "{person} 已在班组“{crew}”中，请先办理退出"
    en = "{person} is already in crew “{crew}”; end that membership first."


class ShiftOverlaps(Refusal):
    """A crew cannot work two shifts at once."""

    code = "shift_overlaps"
    zh = "该班组在此时段已有班次"
    en = "The crew already has a shift in this period."


class ShiftEndsFirst(Refusal):
    """A shift ends after it starts."""

    code = "shift_ends_first"
    status = 422
    zh = "班次结束时间必须晚于开始时间"
    en = "A shift must end after it starts."


class CrewOutOfService(Refusal):
    """The crew was taken out of service."""

    code = "crew_out_of_service"
    zh = "班组“{crew}”已停用：{reason}"
    en = "Crew “{crew}” is out of service: {reason}."
