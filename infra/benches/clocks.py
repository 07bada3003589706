"""Many running clocks: a change of the calendar, and the watch's look: `infra/bench clocks`.

Reckoning: a holiday is declared (and taken back), and every running clock of a company is reckoned
again and committed, on a durable PostgreSQL. The floor, turn about in the same run: one bare UPDATE
of the same columns of the same rows, committed. Looking: one look of the watch at clocks, of which
a few have come due, with many running clocks over the same look with few. Not here: starting the
bench, other yardsticks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time as wall
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from sqlalchemy import text

from infra.checkout import var_folder
from infra.cluster import Cluster, DatabaseAddress
from server.access.actions import create_company
from server.actor import Actor
from server.clock import FrozenClock
from server.db import Database, new_id
from server.db.migrate import migrate
from server.dispatch.watch_clocks import look_at_clocks, settle_missing_calendar
from server.policy.actions import enter_calendar_year
from server.policy.calendar import Calendar, CalendarYear, shipped_years
from server.policy.wire import Clause
from server.promises.actions_reckoning import reckon_on
from server.promises.rules import ClockState
from server.promises.rules_explain import brief
from server.promises.rules_marks import next_mark
from server.promises.rules_terms import Occurrence
from server.promises.rules_units import NEVER_STOOD, reckon
from server.promises.rules_worktime import WorkTime
from server.rooms import open_rooms
from server.settings import Settings

SCAN_TARGET = 1.5
"""A look with many running clocks over a look with few: at most."""
FEW = 1_000
ROUNDS = 3
LOOKS = 60
COME_DUE = 5
"""Clocks whose mark comes in each measured look."""
SEED = 20261121
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 18, 10, tzinfo=UTC)
SPARE = date(2026, 12, 23)
"""The day declared off and worked again: no clock begins after it or ends before it."""


def main(argv: list[str]) -> int:
    """Run the bench; the last line printed is one JSON object. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra/bench clocks", description=__doc__)
    parser.add_argument("--clocks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args(argv)
    open_rooms()
    cluster = Cluster(var_folder() / "bench-pg-durable", durable=True)
    cluster.start()
    try:
        with _company(cluster, "few", FEW) as few, _company(cluster, "many", chosen.clocks) as many:
            looks = asyncio.run(_looks(few, many))
            reckoned = asyncio.run(_reckoning(cluster, many, chosen.rounds))
    finally:
        cluster.stop()
    result = _result(looks, reckoned, chosen.clocks)
    print(json.dumps(result))
    return 0 if result["holds"] else 1


@dataclass(frozen=True, slots=True)
class Looks:
    """Milliseconds of one look, with few and with many running clocks."""

    idle_few_ms: list[float]
    idle_many_ms: list[float]
    due_few_ms: list[float]
    due_many_ms: list[float]


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Seconds of each reckoning again, and of the bare UPDATE of the same rows."""

    ours_s: list[float]
    floor_s: list[float]
    answered_s: list[float]
    """Until the change itself was committed; the watch reckons on."""


def _result(looks: Looks, reckoned: Reckoning, clocks: int) -> dict[str, Any]:
    ours, floor = median(reckoned.ours_s), median(reckoned.floor_s)
    idle = median(looks.idle_many_ms) / median(looks.idle_few_ms)
    due = median(looks.due_many_ms) / median(looks.due_few_ms)
    scan = max(idle, due)
    return {
        "bench": "clocks",
        "ratio": round(scan, 3),
        "target": SCAN_TARGET,
        "holds": scan <= SCAN_TARGET,
        "clocks": clocks,
        "few": FEW,
        "look_idle_ratio": round(idle, 3),
        "look_due_ratio": round(due, 3),
        "look_idle_ms": round(median(looks.idle_many_ms), 2),
        "look_due_ms": round(median(looks.due_many_ms), 2),
        "come_due": COME_DUE,
        "reckoning_ratio": round(ours / floor, 3),
        "reckoning_s": round(ours, 2),
        "reckoning_answered_s": round(median(reckoned.answered_s), 2),
        "reckoning_per_clock_us": round(ours / clocks * 1e6, 1),
        "floor_s": round(floor, 2),
        "rounds": len(reckoned.ours_s),
    }


# --- the scenery ---


@dataclass(frozen=True, slots=True)
class Company:
    """A company in a database of its own, with running clocks."""

    address: DatabaseAddress
    database_name: str
    id: UUID
    clocks: int


@contextmanager
def _company(cluster: Cluster, label: str, clocks: int) -> Iterator[Company]:
    name = f"bench_clocks_{label}_{os.getpid()}"
    address = cluster.create_database(name)
    try:
        migrate(address.owner_url)
        company_id = asyncio.run(_found(address))
        print(f"storing {clocks} running clocks …", flush=True)
        # COPY is not for tables with row-level security; only the scenery is stored so.
        with cluster.connect_superuser(name) as connection:
            _store(connection, company_id, clocks)
        with cluster.connect_superuser(name) as superuser:
            superuser.autocommit = True
            superuser.execute("VACUUM ANALYZE")
        yield Company(address, name, company_id, clocks)
    finally:
        cluster.drop_database(name)


async def _found(address: DatabaseAddress) -> UUID:
    database = Database(Settings(database_url=address.app_url), FrozenClock(NOW))
    company_id = await create_company(
        database, code="bench", name_zh="基准", name_en="Bench", policy_pack="default"
    )
    await database.dispose()
    return company_id


def _clause(number: int) -> Clause:
    """One of a handful of clauses in working days."""
    return msgspec.convert(
        {
            "id": f"B{number}",
            "subject": "case",
            "start": "applied",
            "what": "gas_on",
            "limit": {"unit": "working_day", "value": 8 + number / 2},
            "applies": {},
            "zh": "基准条款",
            "en": "A clause for the bench",
            "quote": "8个工作日",
            "source": "bench",
            "standing": "promise",
            "own_promise": True,
            "warn_at_percent": [50, 80],
        },
        Clause,
    )


def _store(connection: psycopg.Connection[Any], company_id: UUID, clocks: int) -> None:
    """Cases with one running clock each, begun at any minute of nine days, as `begin` and `tell`
    leave them."""
    chance = random.Random(SEED)
    work = WorkTime(Calendar(shipped_years()), time(9), time(17), ZONE)
    clauses = [_clause(number) for number in range(5)]
    texts = [msgspec.json.encode(one).decode() for one in clauses]
    first = NOW - timedelta(days=8)
    terms_of: dict[int, UUID] = {}
    with connection.cursor().copy(
        "COPY promise_terms (company_id, id, subject_kind, subject_id, number, pack_version,"
        " clauses, causes, opens, closes, drill, began_at) FROM STDIN"
    ) as copy:
        for number in range(clocks):
            terms_of[number] = new_id()
            clause = f'[{{"clause":{texts[number % 5]},"since":null}}]'
            copy.write_row(
                (company_id, terms_of[number], "case", terms_of[number], 1, "bench", clause, "[]",
                 "09:00", "17:00", False, NOW)
            )  # fmt: skip
    with connection.cursor().copy(
        "COPY clocks (company_id, id, version, terms_id, subject_kind, subject_id, case_id, number,"
        " what, clause_id, clause, pack_version, started_at, due_at, target_at, warn_at, state,"
        " by_calendar, paused_s, standing, next_mark_at, exemption, arithmetic_zh, arithmetic_en)"
        " FROM STDIN"
    ) as copy:
        for number in range(clocks):
            clause_number = number % 5
            one = clauses[clause_number]
            started_at = first + timedelta(seconds=chance.randrange(8 * 86_400))
            found = reckon(one.limit, started_at, work, warn_at_percent=one.warn_at_percent)
            said = brief(
                Occurrence(
                    clause=one, number=1, first_at=started_at, started_at=started_at,
                    stopped_at=None, cut=None, state=ClockState.RUNNING, stood=NEVER_STOOD,
                    reckoning=found, sum=None,
                ),
                work,
            )  # fmt: skip
            marks = "{" + ",".join(at.isoformat() for at in found.marks) + "}"
            subject = terms_of[number]
            copy.write_row(
                (company_id, new_id(), 1, subject, "case", subject, subject, 1, one.what, one.id,
                 texts[clause_number], "bench", started_at, found.due_at, found.target_at, marks,
                 "running", True, 0.0, False, next_mark(_Seen(found.due_at, found.marks), NOW),
                 "none", said.zh, said.en)
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    due_at: datetime | None
    warn_at: tuple[datetime, ...]
    state: str = ClockState.RUNNING.value


# --- the measuring ---


async def _looks(few: Company, many: Company) -> Looks:
    """One look each, turn about, so that a busy moment of the machine hits both."""
    times: dict[tuple[str, UUID], list[float]] = {}
    databases = {
        one.id: Database(Settings(database_url=one.address.app_url), FrozenClock(NOW))
        for one in (few, many)
    }
    for number in range(LOOKS + 5):
        for one in (few, many):
            database = databases[one.id]
            actor = Actor.system(one.id, "watch")
            for kind in ("due", "idle"):
                if kind == "due":
                    await _make_due(database, actor, COME_DUE)
                began = wall.perf_counter()
                async with database.begin(actor) as tx:
                    await settle_missing_calendar(tx)
                    seen = await look_at_clocks(tx)
                took = (wall.perf_counter() - began) * 1000
                if seen != (COME_DUE if kind == "due" else 0):
                    raise RuntimeError(f"{seen} clocks were looked at")
                if number >= 5:
                    times.setdefault((kind, one.id), []).append(took)
    for database in databases.values():
        await database.dispose()
    return Looks(
        idle_few_ms=times["idle", few.id],
        idle_many_ms=times["idle", many.id],
        due_few_ms=times["due", few.id],
        due_many_ms=times["due", many.id],
    )


async def _make_due(database: Database, actor: Actor, count: int) -> None:
    """Let the marks of some clocks come now, that have no alarm yet."""

    async with database.begin(actor) as tx:
        await tx.session.execute(
            text(
                "UPDATE clocks SET next_mark_at = :now, warn_at = ARRAY[CAST(:now AS timestamptz)]"
                " WHERE id IN (SELECT id FROM clocks WHERE alarmed IS NULL"
                " AND next_mark_at > :now LIMIT :count)"
            ),
            {"now": tx.now, "count": count},
        )


async def _reckoning(cluster: Cluster, many: Company, rounds: int) -> Reckoning:
    (shipped,) = (one for one in shipped_years() if one.year == SPARE.year)
    off = CalendarYear(
        SPARE.year, shipped.days_off | {SPARE}, shipped.workdays, shipped.names, "bench"
    )
    on = CalendarYear(SPARE.year, shipped.days_off, shipped.workdays, shipped.names, "bench")
    database = Database(Settings(database_url=many.address.app_url), FrozenClock(NOW))
    actor = Actor.system(many.id, "bench")
    ours: list[float] = []
    floor: list[float] = []
    answered: list[float] = []
    for number in range(rounds):
        _tidy(cluster, many)
        before = await _sum_of_dues(database, actor)
        began = wall.perf_counter()
        async with database.begin(actor) as tx:
            await enter_calendar_year(tx, on if number % 2 else off)
        answered.append(wall.perf_counter() - began)
        left = True
        while left:
            async with database.begin(actor) as tx:
                left = await reckon_on(tx)
        ours.append(wall.perf_counter() - began)
        moved = await _sum_of_dues(database, actor) - before
        if abs(moved) < many.clocks * 86_400 * 0.99:
            raise RuntimeError(f"only {moved} s of deadlines were moved")
        _tidy(cluster, many)
        began = wall.perf_counter()
        await _bare_update(database, actor)
        floor.append(wall.perf_counter() - began)
    await database.dispose()
    return Reckoning(ours, floor, answered)


def _tidy(cluster: Cluster, company: Company) -> None:
    """Neither side pays for the dead rows of the other."""
    with cluster.connect_superuser(company.database_name) as superuser:
        superuser.autocommit = True
        superuser.execute("VACUUM ANALYZE clocks")
        superuser.execute("CHECKPOINT")


async def _sum_of_dues(database: Database, actor: Actor) -> float:

    async with database.begin(actor) as tx:
        found = await tx.session.scalar(
            text("SELECT sum(extract(epoch FROM due_at)) FROM clocks WHERE state = 'running'")
        )
        return float(found or 0.0)


async def _bare_update(database: Database, actor: Actor) -> None:
    """The same columns of the same rows, by one statement, with nothing reckoned."""

    async with database.begin(actor) as tx:
        await tx.session.execute(
            text(
                "UPDATE clocks SET due_at = due_at + interval '0 s',"
                " target_at = target_at + interval '0 s', warn_at = warn_at || '{}'::timestamptz[],"
                " state = 'running', unknown_year = NULL,"
                " next_mark_at = next_mark_at + interval '1 microsecond',"
                " arithmetic_zh = arithmetic_zh || '', arithmetic_en = arithmetic_en || '',"
                " version = version + 1"
                " WHERE by_calendar AND state = 'running'"
            )
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
