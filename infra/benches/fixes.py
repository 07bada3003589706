"""Durable fixes through the public field API, over a bare COPY: `infra/bench fixes`.

Measures how many fixes a second one field server (a process of its own, HTTP/1.1 keep-alive, bearer
tokens, JSON) stores durably for phones that come back with a backlog, each request answered after
the commit that holds it; and how many a single COPY puts into a table of the same shape, with the
same indexes and partitions, durably, in the same run. The bare COPY has no tokens, no JSON, no
duty roster, no judgement of plausibility, no row-level security and no "newest of each crew". Not
here: starting the bench, other yardsticks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from infra.checkout import var_folder
from infra.cluster import Cluster, DatabaseAddress
from infra.serving import serving, settings_for
from server.clock import FrozenClock
from server.db import Database
from server.db.migrate import migrate

TARGET = 0.25
"""Fixes a second through the API over fixes a second of a bare COPY: at least."""
BATCH = 200
"""Fixes in a request: a phone back after three quarters of an hour without signal, at one fix every
15 s. The phone's own limit is 500 (`pwa/src/place/positions.ts`); other sizes, down to the live
pace of a fix or two, are reported beside it, because requests cost more than fixes."""
BESIDE = (2, 20, 500)
"""The other sizes reported, a short round each."""
REQUESTS_BESIDE = 2_000
CREWS = 200
COPIES = 3
"""Bare COPYs in a round; they are over in half a second, so their median is taken."""
CONNECTIONS = 200
"""One for each phone: they all come back into signal at once, the worst minute of a night."""

BARE = """
DROP TABLE IF EXISTS bare_fixes;
CREATE TABLE bare_fixes (LIKE fixes INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (at);
ALTER TABLE bare_fixes ADD PRIMARY KEY (company_id, phone_id, at);
CREATE INDEX ON bare_fixes (company_id, crew_id, corrected_at);
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """A phone of the bench's city, and the place its crew starts from."""

    token: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Round:
    """Fixes a second of one round."""

    ours: float
    bare: float
    median_answer_ms: float


def main(argv: list[str]) -> int:
    """Run the bench; the last line printed is one JSON object. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra/bench fixes", description=__doc__)
    parser.add_argument("--fixes", type=int, default=100_000, help="fixes in a round")
    parser.add_argument("--batch", type=int, default=BATCH, help="fixes in a request, up to 500")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(argv)
    cluster = Cluster(var_folder() / "bench-pg-fixes", durable=True)
    cluster.start()
    name = f"bench_fixes_{os.getpid()}"
    try:
        address = cluster.create_database(name)
        migrate(address.owner_url)
        now = datetime.now(UTC)
        phones = asyncio.run(_people(address, now))
        with (
            cluster.connect_superuser(name) as superuser,
            serving(settings_for(address), "field") as parts,
        ):
            superuser.autocommit = True
            port = int(parts["field"].url.rsplit(":", 1)[1])
            bench = _Bench(superuser, phones, port, now)
            # Warms both sides up; twice every phone, so that their tokens are known, as they are
            # to a server that hears from each phone every few seconds.
            bench.round(2 * CREWS * chosen.batch, chosen.batch)
            rounds = [bench.round(chosen.fixes, chosen.batch) for _ in range(chosen.rounds)]
            beside = {
                size: bench.round(min(chosen.fixes, size * REQUESTS_BESIDE), size)
                for size in BESIDE
            }
    finally:
        cluster.drop_database(name)
        cluster.stop()
    result = _result(rounds, beside, chosen.batch, chosen.fixes)
    print(json.dumps(result))
    return 0 if result["holds"] else 1


def _result(
    rounds: Sequence[Round], beside: dict[int, Round], batch: int, fixes: int
) -> dict[str, object]:
    ratio = median(one.ours / one.bare for one in rounds)
    return {
        "bench": "fixes",
        "ratio": round(ratio, 3),
        "target": TARGET,
        "holds": ratio >= TARGET,
        "rounds": [round(one.ours / one.bare, 3) for one in rounds],
        "fixes_per_round": fixes,
        "batch": batch,
        "connections": CONNECTIONS,
        "crews": CREWS,
        "fixes_per_s": round(median(one.ours for one in rounds)),
        "bare_copy_fixes_per_s": round(median(one.bare for one in rounds)),
        "median_answer_ms": round(median(one.median_answer_ms for one in rounds), 1),
        "ratio_by_batch": {size: round(one.ours / one.bare, 3) for size, one in beside.items()},
        "requests_per_s_by_batch": {size: round(one.ours / size) for size, one in beside.items()},
    }


class _Bench:
    """The rounds: the same rows through the API, then by a bare COPY."""

    def __init__(
        self,
        superuser: psycopg.Connection[tuple[Any, ...]],
        phones: Sequence[Carried],
        port: int,
        now: datetime,
    ) -> None:
        self._superuser = superuser
        self._phones = phones
        self._port = port
        # A second a fix, forwards from yesterday: no fix of any round is another's duplicate.
        self._at = now - timedelta(hours=30)
        superuser.execute(BARE)
        self._copy_partitions()

    def round(self, fixes: int, batch: int) -> Round:
        """Store about `fixes` fixes both ways and compare."""
        requests = self._requests(fixes, batch)
        sent = len(requests) * batch
        self._superuser.execute("CHECKPOINT")
        begun = time.perf_counter()
        answers_s = uvloop.run(_send_all(self._port, requests, batch))
        ours = sent / (time.perf_counter() - begun)
        rows = self._take_out(sent)
        bare = sent / median(self._copied_s(rows) for _ in range(COPIES))
        self._superuser.execute("TRUNCATE fixes")
        print(
            f"{sent} fixes, {batch} a request: {ours:,.0f}/s, bare COPY {bare:,.0f}/s, "
            f"ratio {ours / bare:.3f}",
            flush=True,
        )
        return Round(ours, bare, median(answers_s) * 1000)

    def _copied_s(self, rows: bytes) -> float:
        """Seconds of one bare COPY of the rows into the empty table."""
        self._superuser.execute("TRUNCATE bare_fixes")
        self._superuser.execute("CHECKPOINT")
        statement = "COPY bare_fixes FROM STDIN (FORMAT binary)"
        begun = time.perf_counter()
        with self._superuser.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(rows)
        return time.perf_counter() - begun

    def _copy_partitions(self) -> None:
        """Give the bare table the partitions the fixes have."""
        rows = self._superuser.execute(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c "
            "JOIN pg_inherits AS i ON i.inhrelid = c.oid WHERE i.inhparent = 'fixes'::regclass"
        ).fetchall()
        for name, bound in rows:
            statement = f"CREATE TABLE bare_{name} PARTITION OF bare_fixes {bound}"
            self._superuser.execute(statement.encode())

    def _take_out(self, sent: int) -> bytes:
        """The stored rows as COPY's own bytes, after making sure that all are there."""
        row = self._superuser.execute("SELECT count(*) FROM fixes").fetchone()
        if row is None or row[0] != sent:
            raise RuntimeError(f"{sent} fixes were sent, {row and row[0]} are stored")
        # In the order of their coming, as the API had them.
        statement = (
            "COPY (SELECT * FROM fixes ORDER BY recorded_at, phone_id, at) "
            "TO STDOUT (FORMAT binary)"
        )
        with self._superuser.cursor() as cursor, cursor.copy(statement) as copy:
            return b"".join(copy)

    def _requests(self, fixes: int, batch: int) -> list[bytes]:
        """Whole HTTP requests, phone after phone, each crew driving along its street."""
        requests = []
        count = max(1, fixes // batch)
        for number in range(count):
            phone = self._phones[number % len(self._phones)]
            turn = number // len(self._phones)
            begins = self._at + timedelta(seconds=turn * batch)
            body = json.dumps(
                {
                    "sent_at": _text(datetime.now(UTC)),
                    "fixes": [
                        {
                            "lon": round(phone.lon + (turn * batch + step) % 3600 * 1e-5, 6),
                            "lat": phone.lat,
                            "datum": "wgs84",
                            "accuracy_m": 8.5,
                            "speed_kmh": 31.0,
                            "heading_deg": 90.0,
                            "at": _text(begins + timedelta(seconds=step)),
                        }
                        for step in range(batch)
                    ],
                },
                separators=(",", ":"),
            ).encode()
            head = (
                f"POST /v1/fixes HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n"
                f"authorization: Bearer {phone.token}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n"
            )
            requests.append(head.encode() + body)
        turns = -(-count // len(self._phones))
        self._at += timedelta(seconds=turns * batch)
        return requests


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def _send_all(port: int, requests: Sequence[bytes], batch: int) -> list[float]:
    """Send every request over kept-alive connections; the seconds each answer took."""
    waiting = deque(requests)
    answers_s: list[float] = []

    async def line() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            request = waiting.popleft()
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            answers_s.append(time.perf_counter() - begun)
            if b" 200 " not in head[:20] or json.loads(body)["accepted"] != batch:
                raise RuntimeError(f"{head.decode()}{body.decode()}")
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(line() for _ in range(min(CONNECTIONS, len(requests)))))
    return answers_s


async def _people(address: DatabaseAddress, now: datetime) -> list[Carried]:
    """A company with crews on a long shift that began two days ago, a phone each."""
    from geo.coordinates import LonLat
    from server.access.actions import create_company, create_person
    from server.access.phones import add_phone
    from server.access.tokens import new_token
    from server.actor import Actor, Role
    from server.crews.actions import add_member, create_crew, plan_shift
    from server.crews.wire import NewCrew, NewMember, NewShift
    from server.places.actions import add_station
    from server.rooms import open_rooms
    from server.tracking.actions import prepare_days

    open_rooms()
    begun = now - timedelta(days=2)
    database = Database(settings_for(address), FrozenClock(begun))
    phones = []
    try:
        company_id: UUID = await create_company(
            database, code="bench", name_zh="量", name_en="Bench", policy_pack="default"
        )
        async with database.begin(Actor.system(company_id)) as tx:
            await prepare_days(tx, 4)
            station_id = await add_station(
                tx, code="ST1", name="城中站", point=LonLat(105.95, 26.25)
            )
            for number in range(CREWS):
                crew = await create_crew(
                    tx,
                    NewCrew(
                        code=f"抢{number}",
                        name=f"抢修{number}班",
                        station_id=station_id,
                        vehicle_plate=f"贵G{number:05d}",
                        kit=["gas_detector"],
                    ),
                )
                person = await create_person(
                    tx, username=f"crew{number}", name=f"队员{number}", roles=[Role.CREW_MEMBER]
                )
                await add_member(
                    tx, crew.id, NewMember(person_id=person.id, skills=["leak_response"])
                )
                await plan_shift(
                    tx, crew.id, NewShift(starts_at=begun, ends_at=now + timedelta(days=2))
                )
                token = new_token(company_id)
                await add_phone(tx, person, token, f"手机{number}")
                phones.append(Carried(token, 105.9, 26.2 + number * 1e-4))
    finally:
        await database.dispose()
    return phones


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
