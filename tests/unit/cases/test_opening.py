"""When a case is taken up, words that mean gas escapes, who is responsible, who gains time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from server.actor import Role
from server.cases.rules_change import gains_time, longer, of_department, worked_on
from server.cases.rules_field import answer_of, kept_record, values_of, words_of
from server.cases.rules_opening import Load, hours_for, leak_word, manager_for, taken_up_at
from server.policy.wire import Clause, Hours, Limit, Minutes, Unlimited
from server.policy.wire_limits import CalendarDays, DayEnd, Months, OnDate, WorkingDays
from server.policy.wire_papers import Channel, CompanyRole, ServiceHours
from tests.walks import process

SHANGHAI = ZoneInfo("Asia/Shanghai")


def hours(
    opens: int, closes: int, *, days: str = "every_day", use: str = "business"
) -> ServiceHours:
    return msgspec.convert(
        {
            "id": use,
            "zh": "时",
            "en": "hours",
            "source": "made up",
            "use": use,
            "days": days,
            "opens": time(opens),
            "closes": time(closes),
        },
        ServiceHours,
    )


def weekday(day: date) -> bool:
    return day.weekday() < 5


def at(day: int, hour: int) -> datetime:
    """November 2026 in Shanghai; the 21st is a Saturday."""
    return datetime(2026, 11, day, hour, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("line", "asked", "begins"),
    [
        ((9, 17), at(20, 10), at(20, 10)),
        ((9, 17), at(20, 8), at(20, 9)),
        ((9, 17), at(20, 17), at(21, 9)),
        ((9, 0), at(20, 23), at(20, 23)),  # 9:00——24:00
        ((9, 0), at(20, 3), at(20, 9)),
        ((0, 0), at(20, 3), at(20, 3)),  # around the clock
        ((20, 4), at(20, 3), at(20, 3)),  # over midnight
        ((20, 4), at(20, 5), at(20, 20)),
    ],
)
def test_business_waits_for_its_line(
    line: tuple[int, int], asked: datetime, begins: datetime
) -> None:
    assert taken_up_at([hours(*line)], asked, SHANGHAI, weekday) == begins


def test_working_days_skip_the_weekend() -> None:
    line = [hours(9, 17, days="working_days")]
    assert taken_up_at(line, at(21, 10), SHANGHAI, weekday) == at(23, 9)


def test_without_hours_or_with_hours_that_never_come_nothing_waits() -> None:
    assert taken_up_at([], at(21, 3), SHANGHAI, weekday) == at(21, 3)
    never = [hours(9, 17, days="working_days")]
    assert taken_up_at(never, at(21, 3), SHANGHAI, lambda _: False) == at(21, 3)


def test_the_earliest_of_several_lines_takes_it() -> None:
    lines = [hours(12, 17), hours(9, 11)]
    assert taken_up_at(lines, at(20, 8), SHANGHAI, weekday) == at(20, 9)


def test_each_kind_of_business_has_its_line() -> None:
    lines = [hours(9, 17), hours(8, 12, use="counter"), hours(10, 16, use="complaint")]
    plain = process()
    counter = Channel(id="c", zh="柜", en="counter", kind="walk_in", source="x")
    assert [one.use for one in hours_for(lines, plain, None)] == ["business"]
    assert [one.use for one in hours_for(lines, plain, counter)] == ["counter"]
    assert [one.use for one in hours_for(lines[:1], plain, counter)] == ["business"]
    complaint = msgspec.structs.replace(plain, group="complaint")
    assert [one.use for one in hours_for(lines, complaint, counter)] == ["complaint"]
    emergency = msgspec.structs.replace(plain, emergency=True)
    assert hours_for(lines, emergency, None) == ()


@pytest.mark.parametrize("words", ["家里漏气了", "有煤气味", "报警器响个不停", "Smell of Gas"])
def test_words_of_escaping_gas_are_heard(words: str) -> None:
    assert leak_word(words) is not None


@pytest.mark.parametrize("words", ["", "锅炉燃烧器 20 立方", "想给饭店报装"])
def test_other_words_are_not(words: str) -> None:
    assert leak_word(words) is None


def load(name: str, total: int, near: int = 0) -> Load:
    return Load(uuid4(), name, total, near)


def test_the_manager_of_the_zone_is_chosen_until_they_have_too_much() -> None:
    assert manager_for([]) is None
    least = manager_for([load("b", 3), load("a", 3), load("c", 9)])
    assert least is not None
    assert least.name == "a"
    near = manager_for([load("a", 0), load("b", 4, 2)])
    assert near is not None
    assert near.name == "b"
    full = manager_for([load("a", 0), load("b", 5, 5)])
    assert full is not None
    assert full.name == "a"


@pytest.mark.parametrize(
    ("before", "after", "gains"),
    [
        (WorkingDays(2), WorkingDays(2), False),
        (WorkingDays(2), WorkingDays(2.5), True),
        (WorkingDays(2), WorkingDays(1.5), False),
        (Hours(24), Minutes(24 * 60), False),
        (Hours(24), Minutes(24 * 60 + 1), True),
        (Hours(24), CalendarDays(1, DayEnd.HOURS), True),  # never converted: somebody looks
        (CalendarDays(2, DayEnd.HOURS), CalendarDays(1, DayEnd.LAST_DAY), True),
        (CalendarDays(2, DayEnd.HOURS), CalendarDays(1, DayEnd.HOURS), False),
        (Months(1), Months(2), True),
        (WorkingDays(2), Unlimited(), True),
        (Unlimited(), WorkingDays(2), False),
        (OnDate("contract_date"), OnDate("appointment"), True),
    ],
)
def test_what_is_longer(before: Limit, after: Limit, gains: bool) -> None:
    assert longer(before, after) is gains


def clause(id_: str, limit: Limit, *, start: str = "applied", what: str = "gas_on") -> Clause:
    return msgspec.convert(
        {
            "id": id_,
            "subject": "case",
            "what": what,
            "start": start,
            "limit": msgspec.to_builtins(limit),
            "applies": {},
            "zh": "限",
            "en": "limit",
            "quote": "x",
            "source": "x",
            "own_promise": False,
        },
        Clause,
    )


def test_a_class_that_ends_or_lengthens_a_running_limit_gains_time() -> None:
    running = [clause("two", WorkingDays(2))]
    assert gains_time(running, running) == ()
    assert gains_time(running, []) == ("two",)
    assert gains_time(running, [clause("five", WorkingDays(5))]) == ("two",)
    assert gains_time(running, [clause("one", WorkingDays(1))]) == ()
    elsewhere = clause("one", WorkingDays(1), what="built")
    assert gains_time(running, [elsewhere]) == ("two",), "another stretch is no substitute"
    assert gains_time([], [clause("five", WorkingDays(5))]) == ()


def test_a_department_is_its_roles_but_not_its_supervisors() -> None:
    roles = [
        CompanyRole(
            id="service",
            zh="客服",
            en="Service",
            names=("客服",),
            roles=(Role.OPERATOR, Role.SUPERVISOR),
            source="x",
        )
    ]
    assert of_department(roles, "service", frozenset({Role.OPERATOR}))
    assert not of_department(roles, "service", frozenset({Role.SUPERVISOR}))
    assert of_department(roles, "service", frozenset({Role.SUPERVISOR, Role.OPERATOR}))
    assert not of_department(roles, "works", frozenset({Role.OPERATOR}))
    assert not of_department(roles, None, frozenset({Role.OPERATOR}))


def test_judging_makes_nobody_a_party() -> None:
    one, two = UUID(int=1), UUID(int=2)
    left = [("take", one), ("call", two), ("size", None)]
    assert worked_on(left, frozenset({"call"})) == {one}


def test_what_a_crews_word_means_for_its_step() -> None:
    accept, light = process().step("accept"), process().step("light")
    assert answer_of(accept, "completed", {"record": {"passed": True}}) == "done"
    assert answer_of(accept, "completed", {"record": {"passed": False}}) == "failed"
    assert answer_of(light, "completed", {"record": {"passed": False}}) is None
    assert answer_of(light, "nobody_home", {}) is None
    assert answer_of(process().step("build"), "not_ready", {}) == "not_ready"


def test_a_record_gives_words_and_values_but_no_drawings() -> None:
    record = {
        "faults": ["a", "b"],
        "words": "c",
        "signature_drawn": "M0 0",
        "signatories": [{"as": "customer", "name": "x", "drawn": "M1 1"}],
    }
    assert words_of({"record": record}) == "a; b; c"
    assert words_of({"reasons": ["weather"], "words": "雨"}) == "weather; 雨"
    assert kept_record(record) == {
        "faults": ["a", "b"],
        "words": "c",
        "signatories": [{"as": "customer", "name": "x"}],
    }
    assert values_of(process().step("take"), {"flow": 3, "remark": "", "other": 1}) == {"flow": 3}
