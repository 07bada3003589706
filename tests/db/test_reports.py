"""Reports are reconciled with their clocks: every figure by hand, every number by its list."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from infra.cluster import DatabaseAddress
from server.clock import FrozenClock
from server.db import Database
from server.policy.wire import Standing
from server.reporting import rules, views
from server.reporting.queries import Wanted
from server.reporting.wire import Bucket, By, ClauseReport, ClauseRow
from tests.companies import NOON, PeopledCompany, database_at, people_company
from tests.reports import (
    BUCKETS,
    PARTS,
    Made,
    bucket_of,
    expected,
    in_bucket,
    left_out,
    make,
    month_of,
    shown,
    store,
)
from tests.worktimes import SHANGHAI

pytestmark = pytest.mark.anyio

PERIOD = rules.period("2026-10", "2026-11", NOON, SHANGHAI)
WANTED = Wanted(begins=PERIOD.begins, ends=PERIOD.ends, time_zone="Asia/Shanghai")


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    opened = database_at(database, FrozenClock(NOON))
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    return await people_company(changming)


def in_period(made: list[Made]) -> list[Made]:
    return [one for one in made if month_of(one) in ("2026-10", "2026-11")]


def rows_of(report: ClauseReport) -> dict[tuple[str, str, str], ClauseRow]:
    return {
        (row.clause_id, row.standing.value, str(row.limit)): row
        for group in report.groups
        for row in group.rows
    }


def grouped(made: list[Made]) -> dict[tuple[str, str, str], list[Made]]:
    found: dict[tuple[str, str, str], list[Made]] = {}
    for one in made:
        key = (one.clause.id, one.clause.standing.value, str(one.clause.limit))
        found.setdefault(key, []).append(one)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_every_figure_is_what_counting_by_hand_gives(
    changming: Database, company: PeopledCompany, seed: int
) -> None:
    made = make(random.Random(seed), 160, NOON)
    async with changming.begin(company.system) as tx:
        await store(tx, made)
        for drill in (False, True):
            real = [one for one in in_period(made) if one.drill == drill]
            for by in By:
                report = await views.clause_report(tx, PERIOD, replace(WANTED, drill=drill), by)
                rows, hand = rows_of(report), grouped(real)
                assert rows.keys() == hand.keys()
                for key, row in rows.items():
                    assert shown(row.whole) == expected(hand[key], NOON), key
                    if by is By.NONE:
                        assert row.parts == []
                        continue
                    parts: dict[str, list[Made]] = {}
                    for one in hand[key]:
                        parts.setdefault(PARTS[by.value](one), []).append(one)
                    assert {cell.part for cell in row.parts} == parts.keys()
                    for cell in row.parts:
                        assert cell.part is not None
                        assert shown(cell) == expected(parts[cell.part], NOON), (key, cell.part)
                    for figure in ("clocks", "met", "late", "decided", "exempt", "cancelled"):
                        assert sum(getattr(cell, figure) for cell in row.parts) == getattr(
                            row.whole, figure
                        )


@pytest.mark.parametrize("by", [By.ZONE, By.MONTH])
async def test_every_number_has_exactly_its_clocks(
    changming: Database, company: PeopledCompany, by: By
) -> None:
    made = make(random.Random(7), 70, NOON)
    async with changming.begin(company.system) as tx:
        await store(tx, made)
        report = await views.clause_report(tx, PERIOD, WANTED, by)
        for row in rows_of(report).values():
            for cell in (row.whole, *row.parts):
                narrowed = replace(WANTED, clause_id=row.clause_id, wording=row.wording)
                if by is By.ZONE:
                    narrowed = replace(narrowed, zone=cell.part)
                elif cell.part is not None:
                    month = rules.period(cell.part, cell.part, NOON, SHANGHAI)
                    narrowed = replace(narrowed, begins=month.begins, ends=month.ends)
                for name in BUCKETS:
                    count = cell.clocks if name == "all" else getattr(cell, name)
                    listed = await views.clock_list(
                        tx, narrowed, Bucket(name), after=None, limit=500
                    )
                    assert (len(listed.clocks), listed.total) == (count, count), (row, name)
                everything = await views.all_clocks(tx, narrowed, Bucket.ALL)
                for figure in ("paused_s", "between_s", "customer_s"):
                    assert sum(getattr(one.left_out, figure) for one in everything) == getattr(
                        cell.left_out, figure
                    )


async def test_rows_are_the_clocks_themselves(changming: Database, company: PeopledCompany) -> None:
    made = make(random.Random(11), 90, NOON)
    hand = {one.id: one for one in in_period(made) if not one.drill}
    async with changming.begin(company.system) as tx:
        await store(tx, made)
        for name in BUCKETS:
            rows = await views.all_clocks(tx, WANTED, Bucket(name))
            assert {row.id for row in rows} == {
                id_ for id_, one in hand.items() if in_bucket(one, name, NOON)
            }
            assert rows == sorted(rows, key=lambda row: (row.started_at, row.id))
            for row in rows:
                one = hand[row.id]
                assert row.bucket == bucket_of(one, NOON)
                assert (row.zone, row.class_, row.process) == (one.zone, one.class_, one.process)
                assert row.month == month_of(one)
                out = left_out(one, NOON)
                assert {key: getattr(row.left_out, key) for key in out} == out


async def test_pages_follow_each_other_without_gap_or_repeat(
    changming: Database, company: PeopledCompany
) -> None:
    made = make(random.Random(3), 60, NOON)
    async with changming.begin(company.system) as tx:
        await store(tx, made)
        whole = await views.all_clocks(tx, WANTED, Bucket.ALL)
        after, read = None, []
        while True:
            page = await views.clock_list(tx, WANTED, Bucket.ALL, after=after, limit=7)
            assert page.total == len(whole)
            read += page.clocks
            if page.next is None:
                break
            after = page.next
        assert read == whole


@pytest.mark.parametrize(
    ("filter_", "keeps"),
    [
        ({"zone": "Z1"}, lambda one: one.zone == "Z1"),
        ({"zone": "-"}, lambda one: one.zone is None),
        ({"class_": "P0"}, lambda one: one.class_ == "P0"),
        ({"process": "P02"}, lambda one: one.process == "P02"),
        ({"standing": "law"}, lambda one: one.clause.standing == "law"),
        ({"subject_kind": "incident"}, lambda one: one.clause.subject == "incident"),
        ({"clause_id": "A"}, lambda one: one.clause.id == "A"),
    ],
)
async def test_a_filter_keeps_what_it_says(
    changming: Database, company: PeopledCompany, filter_: dict[str, str], keeps: object
) -> None:
    made = make(random.Random(5), 60, NOON)
    assert callable(keeps)
    given: dict[str, Any] = dict(filter_)
    async with changming.begin(company.system) as tx:
        await store(tx, made)
        standing = given.pop("standing", None)
        wanted = replace(WANTED, **given)
        if standing is not None:
            wanted = replace(wanted, standing=Standing(standing))
        found = {row.id for row in await views.all_clocks(tx, wanted, Bucket.ALL)}
        assert found == {one.id for one in in_period(made) if not one.drill and keeps(one)}
        report = await views.clause_report(tx, PERIOD, wanted, By.NONE)
        assert sum(row.whole.clocks for row in rows_of(report).values()) == len(found)
