"""Reports at the door: what a small month comes to, ratios, sheets, and who may read."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from server.actor import Role
from server.cases.tables import Case, CaseStep
from server.clock import FrozenClock
from server.customers.tables import Customer
from server.db import Database, Tx, new_id
from server.feed import note
from server.followup.tables import CallBack, CallBackDraw, Visit
from server.policy.loading import load_pack
from server.policy.wire import Area, IncidentClass, What
from server.promises import actions as incident_promises
from server.promises import queries as promise_queries
from server.promises.actions_exemptions import claim_exemption, rule_on_exemption
from server.promises.wire import ExemptionClaim
from server.work.tables import WorkOrder
from tests.companies import NOON, PeopledCompany, people_company
from tests.desks import Desk
from tests.reports import BUCKETS, incident_row, make, store

pytestmark = pytest.mark.anyio

CLAUSES = "/api/reports/clauses"
RATIOS = "/api/reports/ratios"
MINUTE = timedelta(minutes=1)


class Reader:
    """Somebody who reads reports."""

    def __init__(self, console: httpx.AsyncClient, company: PeopledCompany) -> None:
        self.desk = Desk(console, company).as_(Role.AUDITOR)

    async def raw(self, path: str, **given: Any) -> httpx.Response:
        return await self.desk.client.get(path, params=given, headers=self.desk.headers)

    async def get(self, path: str, **given: Any) -> Any:
        answer = await self.raw(path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def clause(self, clause_id: str, **given: Any) -> dict[str, Any]:
        """The only row of a clause, with the standing it stands under."""
        report = await self.get(CLAUSES, **given)
        found: list[dict[str, Any]] = [
            row | {"group": group["standing"]}
            for group in report["groups"]
            for row in group["rows"]
            if row["clause_id"] == clause_id
        ]
        assert len(found) == 1, found
        return found[0]

    async def ratio(self, ratio_id: str, **given: Any) -> dict[str, Any]:
        report = await self.get(RATIOS, **given)
        found: dict[str, Any] = next(one for one in report["ratios"] if one["id"] == ratio_id)
        return found


@pytest.fixture
def reader(console: httpx.AsyncClient, company: PeopledCompany) -> Reader:
    return Reader(console, company)


async def alarm(tx: Tx, at: datetime, *, after: timedelta | None, **more: Any) -> UUID:
    """An urban leak, and a crew there `after` the ring (None: on its way)."""
    id_ = new_id()
    tx.session.add(incident_row(id_, f"I{id_}", at, state="triaged", **more))
    await tx.session.flush()
    await incident_promises.start_clocks(
        tx, "incident", id_, class_=IncidentClass.P1, area=Area.URBAN, started_at=at
    )
    if after is not None:
        await incident_promises.stop(tx, "incident", id_, What.ARRIVED, at + after)
    return id_


async def excuse(
    changming: Database, company: PeopledCompany, incident_id: UUID, *, granted: bool | None
) -> None:
    async with changming.begin(company.people[Role.DISPATCHER].actor) as tx:
        clocks = await promise_queries.clocks_of(tx, incident_id)
        clock = next(one for one in clocks if one.what == "arrived")
        claim = ExemptionClaim(
            clock_id=clock.id, cause="TRAFFIC", words="东关桥封堵", evidence="行车记录仪"
        )
        made = await claim_exemption(tx, "incident", incident_id, claim)
    if granted is not None:
        async with changming.begin(company.people[Role.SUPERVISOR].actor) as tx:
            await rule_on_exemption(
                tx, made.id, granted=granted, reason="有证据", judge_crew_ids=[]
            )


async def test_raw_and_adjusted_stand_side_by_side(
    changming: Database, company: PeopledCompany, reader: Reader
) -> None:
    async with changming.begin(company.system) as tx:
        begun = NOON - 40 * MINUTE
        await alarm(tx, begun, after=30 * MINUTE)
        granted, refused, claimed = [
            await alarm(tx, begun, after=minutes * MINUTE) for minutes in (34, 35, 36)
        ]
        await alarm(tx, begun, after=None)
        await alarm(tx, NOON - 5 * MINUTE, after=None)
        await alarm(tx, begun, after=39 * MINUTE, drill=True)
    await excuse(changming, company, granted, granted=True)
    await excuse(changming, company, refused, granted=False)
    await excuse(changming, company, claimed, granted=None)
    arrival = next(
        row["clause_id"]
        for group in (await reader.get(CLAUSES))["groups"]
        for row in group["rows"]
        if row["limit"] == {"unit": "minute", "value": 30}
    )
    row = await reader.clause(arrival)
    whole = row["whole"]
    assert [whole[name] for name in ("clocks", "met", "late", "running", "running_late")] == [
        6, 1, 3, 1, 1,
    ]  # fmt: skip
    assert (whole["exempt"], whole["refused"], whole["claimed"]) == (1, 1, 1)
    assert whole["raw_share"] == {"numerator": 1, "denominator": 5, "percent": 20.0}
    assert whole["adjusted_share"] == {"numerator": 1, "denominator": 4, "percent": 25.0}
    assert whole["taken"] == {"count": 4, "median_s": 2040, "p90_s": 2160, "worst_s": 2160}
    assert whole["over"]["worst_s"] == 600, "the one still on its way counts until now"
    # A default is never among the company's promises.
    assert (row["group"], row["own_promise"]) == ("default", False)
    assert row["quote"]
    drills = await reader.clause(arrival, drill=True)
    assert (drills["whole"]["clocks"], drills["whole"]["late"]) == (1, 1)
    listed = await reader.get(f"{CLAUSES}/{arrival}/clocks", bucket="exempt")
    assert [one["incident_id"] for one in listed["clocks"]] == [str(granted)]
    assert listed["clocks"][0]["bucket"] == "late"
    assert "超时 4 分" in listed["clocks"][0]["arithmetic"]["zh"]


async def test_every_cell_has_as_many_clocks_as_it_says(
    changming: Database, company: PeopledCompany, reader: Reader
) -> None:
    async with changming.begin(company.system) as tx:
        await store(tx, make(random.Random(2), 50, NOON))
    report = await reader.get(CLAUSES, **{"from": "2026-10", "to": "2026-11", "by": "class"})
    checked = 0
    for group in report["groups"]:
        for row in group["rows"]:
            for cell in (row["whole"], *row["parts"]):
                given = {"from": "2026-10", "to": "2026-11", "wording": row["wording"]}
                if cell["part"] is not None:
                    given["class"] = cell["part"]
                for bucket in BUCKETS:
                    count = cell["clocks" if bucket == "all" else bucket]
                    if count == 0 and bucket not in ("met", "late"):
                        continue
                    listed = await reader.get(
                        f"{CLAUSES}/{row['clause_id']}/clocks", bucket=bucket, **given
                    )
                    assert (listed["total"], len(listed["clocks"])) == (count, count)
                    checked += 1
    assert checked > 50
    assert report["names"]["-"] == {"zh": "未记录", "en": "not recorded"}
    assert {one["figure"] for one in report["not_offered"]} == {"by_crew"}


async def test_sheets_hold_filters_formulas_and_no_formula_of_anybody_elses(
    changming: Database, company: PeopledCompany, reader: Reader
) -> None:
    async with changming.begin(company.system) as tx:
        await store(tx, make(random.Random(4), 60, NOON))
    given = {"from": "2026-10", "to": "2026-11", "zone": "Z1"}
    answer = await reader.raw(f"{CLAUSES}/sheet.csv", by="process", **given)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    told = {row[0]: row[1] for row in rows if len(row) == 2}
    assert told["统计期 Period"] == "2026-10 – 2026-11"
    assert told["片区 Zone"] == "Z1"
    assert told["制表时间 Made at"].startswith("2026-11-21T12:00:00")
    assert "达成 ÷" in told["口径 raw_share Formula raw_share"]
    report = await reader.get(CLAUSES, by="process", **given)
    lines = [row for row in rows if len(row) > 30][1:]
    shown = sum(len(row["parts"]) + 1 for group in report["groups"] for row in group["rows"])
    assert len(lines) == shown
    behind = await reader.raw(
        f"{CLAUSES}/A/clocks.csv", bucket="cancelled", to="2026-11", **{"from": "2026-10"}
    )
    reasons = [row for row in csv.reader(io.StringIO(behind.text)) if "'=cmd" in row]
    assert reasons
    assert "\n=cmd" not in behind.text
    assert ",=cmd" not in behind.text
    for path in ("sheet.xlsx", "A/clocks.xlsx"):
        book = await reader.raw(f"{CLAUSES}/{path}", **given)
        assert book.status_code == 200
        assert book.headers["content-disposition"].endswith('.xlsx"')
        with zipfile.ZipFile(io.BytesIO(book.content)) as opened:
            assert b"<f>" not in opened.read("xl/worksheets/sheet1.xml")
            assert "说明 Notes" in opened.read("xl/workbook.xml").decode()


@pytest.mark.parametrize(
    ("path", "given", "code"),
    [
        (CLAUSES, {"from": "2026-11", "to": "2026-10"}, "period_backwards"),
        (CLAUSES, {"from": "2001-01", "to": "2026-10"}, "period_too_long"),
        (CLAUSES, {"from": "2026-99"}, "month_unreadable"),
        (f"{CLAUSES}/T34/clocks", {"after": "yesterday"}, "invalid"),
        (f"{CLAUSES}/T34/clocks", {"after": "2026-11-01~x"}, "invalid"),
        (f"{RATIOS}/nothing/members", {}, "not_found"),
        (CLAUSES, {"by": "crew"}, "malformed_request"),
    ],
)
async def test_what_cannot_be_reported_is_refused(
    reader: Reader, path: str, given: dict[str, str], code: str
) -> None:
    answer = await reader.raw(path, **given)
    assert answer.status_code in (400, 404, 422)
    assert answer.json()["code"] == code


async def test_contractors_and_crews_read_no_reports(
    console: httpx.AsyncClient, company: PeopledCompany
) -> None:
    for role in (Role.CONTRACTOR, Role.CREW_MEMBER, Role.DISPATCHER):
        headers = company.people[role].headers
        for path in (CLAUSES, f"{CLAUSES}/sheet.csv", f"{CLAUSES}/T34/clocks", RATIOS):
            assert (await console.get(path, headers=headers)).status_code == 403


# --- ratios -------------------------------------------------------------------------------------


async def closed(
    tx: Tx, at: datetime, *, cause: str | None, closed_at: datetime | None, **more: Any
) -> UUID:
    """An emergency, closed for a cause (or not yet)."""
    id_ = new_id()
    given = {"close_cause": cause, "state": "closed" if closed_at else "triaged"} | more
    tx.session.add(incident_row(id_, f"I{id_}", at, closed_at=closed_at, **given))
    if closed_at is not None:
        note(tx, "incident_closed", incident_id=id_, at=closed_at, params={"cause": cause})
    await tx.session.flush()
    return id_


async def test_a_fix_counts_when_nobody_had_to_come_back_within_seven_days(
    changming: Database, company: PeopledCompany, reader: Reader
) -> None:
    first = NOON - timedelta(days=20)
    hour, day = timedelta(hours=1), timedelta(days=1)
    async with changming.begin(company.system) as tx:
        again = await closed(tx, first, cause="胶管老化", closed_at=first + hour)
        # Same cause, same address but for a blank, six days later; and fixed for good then.
        good = await closed(
            tx, first + 6 * day, cause=" 胶管老化", closed_at=first + 6 * day + hour,
            place_text="明德路12号",
        )  # fmt: skip
        reopened = await closed(tx, first, cause="阀门", closed_at=first + hour, place_text="甲")
        note(tx, "incident_reopened", incident_id=reopened, at=first + 2 * day)
        # Another cause is no re-visit; the eighth day is too late to be one.
        other = await closed(tx, first, cause="接口", closed_at=first + hour, place_text="乙")
        await closed(
            tx,
            first + day,
            cause="锈蚀",
            closed_at=first + day + hour,
            place_text="乙",
            class_="P3",
        )
        late = await closed(tx, first, cause="接口", closed_at=first + hour, place_text="丙")
        after = await closed(
            tx, first + 9 * day, cause="接口", closed_at=first + 9 * day + hour, place_text="丙"
        )
        open_ = await closed(tx, first, cause="接口", closed_at=first + hour, place_text="丁")
        await closed(tx, first + day, cause=None, closed_at=None, place_text="丁")
        fresh = await closed(
            tx, NOON - 2 * day, cause="接口", closed_at=NOON - day, place_text="戊"
        )
        await closed(tx, first, cause="接口", closed_at=first + hour, place_text="己", drill=True)
    shown = await reader.ratio("first_time_fix")
    assert (shown["numerator"], shown["denominator"], shown["undecided"]) == (4, 6, 2)
    assert (shown["percent"], shown["kept"], shown["reason"]) == (66.66, False, None)
    path = f"{RATIOS}/first_time_fix/members"

    async def why(part: str) -> dict[str, str]:
        page = await reader.get(path, part=part)
        assert page["total"] == len(page["members"])
        return {one["id"]: one["why"] for one in page["members"]}

    assert await why("missed") == {str(again): "same_cause_again", str(reopened): "reopened"}
    assert set(await why("numerator")) == {str(one) for one in (good, other, late, after)}
    assert await why("undecided") == {
        str(open_): "other_cause_not_known", str(fresh): "seven_days_not_over",
    }  # fmt: skip
    assert len(await why("denominator")) == 6
    drills = await reader.ratio("first_time_fix", drill=True)
    assert (drills["numerator"], drills["denominator"]) == (1, 1)
    page = await reader.get(path, limit=4)
    rest = await reader.get(path, limit=4, after=page["next"])
    assert (len(page["members"]), len(rest["members"]), rest["next"]) == (4, 2, None)


async def test_what_could_not_be_counted_is_null_with_a_reason(
    changming: Database, console: httpx.AsyncClient, reader: Reader
) -> None:
    for ratio_id, reason in (("call_back_residents", "not_drawn"), ("first_time_fix", "nobody")):
        shown = await reader.ratio(ratio_id)
        assert (shown["numerator"], shown["denominator"], shown["percent"]) == (None, None, None)
        assert (shown["kept"], shown["reason"]) == (None, reason)
        assert shown["reason_text"]["zh"]
    theirs = Reader(console, await people_company(changming, "xinyang", "xinyang"))
    assert (await theirs.ratio("one_step"))["reason"] == "not_recorded"
    found = await theirs.get(f"{RATIOS}/one_step/members")
    assert found == {"total": 0, "members": [], "next": None}


async def test_call_backs_are_counted_of_the_months_draw(
    changming: Database, company: PeopledCompany, reader: Reader
) -> None:
    keys = [new_id() for _ in range(11)]
    others = [new_id() for _ in range(2)]
    async with changming.begin(company.system) as tx:
        draw = CallBackDraw(
            id=new_id(), month="2026-10", drill=False, seed="s", drawn_at=NOON, drawn_by="督查",
            pack_version="t", rules={}, residents_wanted=2, others_count=2, others_wanted=2,
            population=[{"key": str(key), "stratum": ""} for key in keys],
        )  # fmt: skip
        tx.session.add(draw)
        for number, id_ in enumerate([*keys, *others]):
            tx.session.add(customer(id_, number))
        await tx.session.flush()
        for place, (id_, group, score) in enumerate(
            [(keys[0], "residents", 5), (keys[1], "residents", None), (others[0], "others", 3),
             (others[1], "others", 4)]
        ):  # fmt: skip
            tx.session.add(
                CallBack(
                    id=new_id(), draw_id=draw.id, key=str(id_), place=place, group=group,
                    stratum="", case_id=None, customer_id=id_, replaces_id=None,
                    state="reached" if score else "unreached", failed_attempts=0,
                    reached_at=NOON if score else None, satisfaction=score,
                )
            )  # fmt: skip
    residents = await reader.ratio("call_back_residents", month="2026-10")
    # Ten per cent of eleven are two: one is not enough.
    assert (residents["numerator"], residents["denominator"]) == (1, 11)
    assert residents["kept"] is False
    both = await reader.ratio("call_back_others", month="2026-10")
    assert (both["numerator"], both["denominator"], both["kept"]) == (2, 2, True)
    path = f"{RATIOS}/call_back_residents/members"
    for part, count in (("numerator", 1), ("denominator", 11), ("missed", 10), ("undecided", 0)):
        page = await reader.get(path, month="2026-10", part=part)
        assert (page["total"], len(page["members"])) == (count, count)
    assert (await reader.ratio("call_back_residents"))["reason"] == "not_drawn"
    drills = await reader.ratio("call_back_residents", month="2026-10", drill=True)
    assert drills["reason"] == "not_drawn", "a drill has a draw of its own"


def customer(id_: UUID, number: int) -> Customer:
    return Customer(
        id=id_, number=f"C{number}", name="李四光", phone="19900004321",
        phone_digits="19900004321", residential=True, nature="", state="active", sought="",
        address="明德路 12 号", meter_no="", meter_model="", drill=False, opened_at=NOON,
    )  # fmt: skip


async def test_satisfaction_counts_call_backs_and_visits(
    changming: Database, console: httpx.AsyncClient, clock: FrozenClock
) -> None:
    company = await people_company(changming, "xinyang", "xinyang")
    async with changming.begin(company.system) as tx:
        for score in (5, 4, 3):
            tx.session.add(
                Visit(
                    id=new_id(), round="2026-Q4", visited_at=clock.now(), recorded_at=clock.now(),
                    visited_by=None, visited_by_name="客户经理", place_text="明德路 12 号",
                    customer_id=None, case_id=None, satisfaction=score, words="",
                )
            )  # fmt: skip
    shown = await Reader(console, company).ratio("satisfaction")
    assert (shown["numerator"], shown["denominator"]) == (2, 3)
    assert shown["kept"] is None, "the text promises no figure"


async def test_done_within_one_day_agrees_with_the_clauses_own_row(
    changming: Database, console: httpx.AsyncClient
) -> None:
    company = await people_company(changming, "xinzheng", "xinzheng")
    one_day = load_pack("xinzheng").clause("T09")
    assert one_day is not None
    begun = NOON - timedelta(days=3)
    async with changming.begin(company.system) as tx:
        made = [
            replace(
                one, clause=one_day, drill=drill, started_at=begun, stopped_at=stopped_at,
                due_at=begun + timedelta(days=1) if due else NOON + MINUTE, state=state, facts=(),
                pauses=(), exemption="none", subject_id=new_id(),
            )
            for one, (state, stopped_at, due, drill) in zip(
                make(random.Random(1), 6, NOON),
                [("met", begun + MINUTE, True, False), ("late", NOON, True, False),
                 ("running", None, True, False), ("running", None, False, False),
                 ("cancelled", None, True, False), ("met", begun, True, True)],
                strict=True,
            )
        ]  # fmt: skip
        await store(tx, made)
    reader = Reader(console, company)
    shown = await reader.ratio("one_zero_one")
    assert (shown["numerator"], shown["denominator"], shown["undecided"]) == (1, 3, 1)
    row = await reader.clause("T09")
    assert row["whole"]["raw_share"] == {"numerator": 1, "denominator": 3, "percent": 33.33}
    undecided = await reader.get(f"{RATIOS}/one_zero_one/members", part="undecided")
    assert [one["why"] for one in undecided["members"]] == ["running"]


async def test_meters_are_in_order_by_the_answer_or_else_the_test(
    changming: Database, console: httpx.AsyncClient
) -> None:
    company = await people_company(changming, "anshun", "anshun")
    findings: list[tuple[str | None, bool | None, bool]] = [
        ("yes", False, False), ("no", True, False), (None, True, False), (None, False, False),
        (None, None, False), ("yes", None, True),
    ]  # fmt: skip
    async with changming.begin(company.system) as tx:
        for number, (answer, passed, drill) in enumerate(findings):
            await meter_change(tx, number, answer, passed, drill=drill)
    reader = Reader(console, company)
    shown = await reader.ratio("meters_in_order")
    assert (shown["numerator"], shown["denominator"], shown["undecided"]) == (2, 4, 1)
    missed = await reader.get(f"{RATIOS}/meters_in_order/members", part="missed")
    assert {one["number"]: one["why"] for one in missed["members"]} == {
        "K1": "answered", "K3": "tested",
    }  # fmt: skip


async def meter_change(
    tx: Tx, number: int, answer: str | None, passed: bool | None, *, drill: bool
) -> None:
    """A meter changed, and what was found of it."""
    case_id, order_id = new_id(), new_id()
    tx.session.add(
        Case(
            id=case_id, number=f"K{number}", drill=drill, process="P26", pack_version="t",
            customer_class="a", particulars={}, applicant_name="李", applicant_phone="1",
            words="", place_text="明德路 12 号", place_datum="wgs84", area="urban", state="open",
            step="archive", visit=1, entered_at=NOON, visits={}, taken={}, facts={}, dates={},
            channel="line", sheet_version=1, received_at=NOON, registered_by_name="甲",
            opened_at=NOON,
        )
    )  # fmt: skip
    tx.session.add(
        WorkOrder(
            id=order_id, number=f"W{number}", kind="meter_change", state="done",
            case_id=case_id, owner_number=f"K{number}", priority_class="P4", emergency=False,
            place_text="明德路 12 号", scene_radius_m=100, words="", required_skills=[],
            required_kit=[], min_staff=1, drill=drill, opened_at=NOON, demands={}, sheet_version=1,
        )
    )  # fmt: skip
    await tx.session.flush()
    steps = [("meter", "done", {"record": {"kind": "meter_change", "test": {"passed": passed}}})]
    if answer is not None:
        steps.append(("passed", answer, {}))
    for place, (step, said, values) in enumerate(steps, start=1):
        tx.session.add(
            CaseStep(
                id=new_id(), case_id=case_id, step=step, visit=1, number=place, entered_at=NOON,
                left_at=NOON, answer=said, values=values, signatures=[],
                order_id=order_id if step == "meter" else None,
            )
        )  # fmt: skip
    await tx.session.flush()
