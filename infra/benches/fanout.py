"""Frames to a hundred desks against bare websockets: `infra/bench fanout`.

Measures processor time per delivered frame of one console server (listening to PostgreSQL,
reading changes, filtering by role, encoding, heartbeats, sending through ASGI) while a hundred
signed-in desks listen to a busy city; and of a bare `websockets` server that broadcasts the very
same frames at the same pace to as many clients. Several rounds, turn about, in one run. Beside it
the age of a position when it reaches a desk. Not here: starting the bench, other yardsticks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from uuid import UUID

import msgspec
import psycopg
import websockets

from infra.checkout import ROOT, var_folder
from infra.cluster import Cluster, DatabaseAddress
from server.actor import Actor
from server.db import Database
from server.db.migrate import migrate

TARGET = 2.0
"""Processor time per delivered frame over bare websockets: at most."""
CREWS = 200
"""Crews on duty, each with a new position every five seconds, as phones send them."""
MOVING_SHARE = 0.2
WRITES_PER_S = 8
"""Commits a second that change something a desk shows: a very busy city."""
CHANGES_PER_WRITE = 4
WORDS = "用户来电称厨房有浓烈的燃气味，已关阀开窗，人员撤离到楼下等候，附近有施工。"
"""What a change's body is filled with: about the size of an incident."""


@dataclass(slots=True)
class Heard:
    """What all desks of a round received, and what the first one received word for word."""

    frames: int = 0
    characters: int = 0
    ages_s: list[float] = field(default_factory=list)
    script: list[tuple[float, str]] = field(default_factory=list)


def main(argv: list[str]) -> int:
    """Run the bench; the last line printed is one JSON object. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra/bench fanout", description=__doc__)
    parser.add_argument("--desks", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(argv)
    cluster = Cluster(var_folder() / "bench-pg", durable=False)
    cluster.start()
    name = f"bench_fanout_{os.getpid()}"
    try:
        address = cluster.create_database(name)
        migrate(address.owner_url)
        rounds = asyncio.run(_rounds(cluster, address, chosen.desks, chosen.seconds, chosen.rounds))
    finally:
        cluster.drop_database(name)
        cluster.stop()
    result = _result(rounds, chosen.desks, chosen.seconds)
    print(json.dumps(result))
    return 0 if result["holds"] else 1


@dataclass(frozen=True, slots=True)
class Round:
    """One round: microseconds of processor for each delivered frame, and what was heard."""

    ours_us: float
    bare_us: float
    ours_cpu_s: float
    heard: Heard


def _result(rounds: list[Round], desks: int, seconds: float) -> dict[str, object]:
    ratios = [one.ours_us / one.bare_us for one in rounds]
    ages = sorted(age for one in rounds for age in one.heard.ages_s)
    frames = sum(one.heard.frames for one in rounds)
    ratio = median(ratios)
    return {
        "bench": "fanout",
        "ratio": round(ratio, 3),
        "target": TARGET,
        "holds": ratio <= TARGET,
        "rounds": [round(one, 3) for one in ratios],
        "desks": desks,
        "frames_per_desk_per_s": round(frames / desks / seconds / len(rounds), 1),
        "mean_frame_characters": round(
            sum(one.heard.characters for one in rounds) / max(1, frames)
        ),
        "server_us_per_frame": round(median(one.ours_us for one in rounds), 2),
        "bare_us_per_frame": round(median(one.bare_us for one in rounds), 2),
        "server_processor_share": round(median(one.ours_cpu_s for one in rounds) / seconds, 3),
        "position_age_median_s": round(median(ages), 3),
        "position_age_p99_s": round(ages[int(len(ages) * 0.99)], 3),
    }


async def _rounds(
    cluster: Cluster, address: DatabaseAddress, desks: int, seconds: float, rounds: int
) -> list[Round]:
    company_id, cookies = await _people(address, desks)
    done = []
    for number in range(rounds):
        with _server(_console_command(), _console_environment(address)) as (process, port):
            ours = await _listen(
                process,
                # As a desk comes that has just fetched its snapshot.
                f"ws://127.0.0.1:{port}/api/live?after={_newest_seq(cluster, address)}",
                cookies,
                seconds,
                busy=_City(address, company_id),
            )
        script = var_folder() / f"bench-fanout-{os.getpid()}.json"
        script.write_bytes(msgspec.json.encode(ours.heard.script))
        try:
            with _server(_bare_command(script, desks), dict(os.environ)) as (process, port):
                bare = await _listen(process, f"ws://127.0.0.1:{port}", cookies, seconds)
        finally:
            script.unlink()
        one = Round(
            ours_us=ours.cpu_s / ours.heard.frames * 1e6,
            bare_us=bare.cpu_s / bare.heard.frames * 1e6,
            ours_cpu_s=ours.cpu_s,
            heard=ours.heard,
        )
        print(
            f"round {number + 1}: {ours.heard.frames} frames at {one.ours_us:.1f} µs, "
            f"bare {bare.heard.frames} at {one.bare_us:.1f} µs",
            flush=True,
        )
        done.append(one)
    return done


def _newest_seq(cluster: Cluster, address: DatabaseAddress) -> int:
    with cluster.connect_superuser(address.name) as connection:
        row = connection.execute("SELECT coalesce(max(seq), 0) FROM feed_counters").fetchone()
    assert row is not None
    return int(str(row[0]))


# --- the two servers ---


def _console_command() -> list[str]:
    return [sys.executable, "-m", "infra.cli", "serve", "console"]


def _console_environment(address: DatabaseAddress) -> dict[str, str]:
    return {**os.environ, "CHANGMING_DATABASE_URL": address.app_url}


def _bare_command(script: Path, desks: int) -> list[str]:
    return [sys.executable, "-m", "infra.benches.fanout", "--bare", str(script), str(desks)]


@contextmanager
def _server(
    command: list[str], environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    log = var_folder() / "bench-fanout.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "CHANGMING_CONSOLE_PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"a server did not start; see {log}") from None
                time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _bare(script_path: Path, desks: int) -> None:
    """The floor: one `websockets` server that sends the recorded frames to everybody at once."""
    import uvloop
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    script = msgspec.json.decode(script_path.read_bytes(), type=list[tuple[float, str]])
    connected: set[ServerConnection] = set()
    complete = asyncio.Event()

    async def listener(connection: ServerConnection) -> None:
        connected.add(connection)
        if len(connected) == desks:
            complete.set()
        await connection.wait_closed()

    async def run() -> None:
        port = int(os.environ["CHANGMING_CONSOLE_PORT"])
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        async with serve(listener, "127.0.0.1", port, compression=None):
            await complete.wait()
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            for at_s, frame in script:
                await asyncio.sleep(max(0.0, begun + at_s - time.monotonic()))
                broadcast(connected, frame)
            await stopped.wait()

    uvloop.run(run())


# --- the desks ---


@dataclass(slots=True)
class Listened:
    """What a round of listening cost the server and brought the desks."""

    cpu_s: float
    heard: Heard


async def _listen(
    process: subprocess.Popen[bytes],
    url: str,
    cookies: list[str],
    seconds: float,
    busy: _City | None = None,
) -> Listened:
    heard = Heard()
    measuring = asyncio.Event()
    begun = 0.0

    async def desk(number: int, cookie: str) -> None:
        headers = {"cookie": cookie}
        async with websockets.connect(
            url,
            additional_headers=headers,
            compression=None,
            max_queue=None,
            ping_interval=None,
            open_timeout=60,
        ) as connection:
            ready.append(number)
            if len(ready) == len(cookies):
                everybody.set()
            async for frame in connection:
                if not measuring.is_set():
                    continue
                assert isinstance(frame, str)
                heard.frames += 1
                heard.characters += len(frame)
                if number == 0:
                    heard.script.append((time.monotonic() - begun, frame))
                    if busy is not None and frame.startswith('{"type":"positions"'):
                        now = time.time()
                        heard.ages_s += [
                            now - one.at.timestamp()
                            for one in msgspec.json.decode(frame, type=_Positions).positions
                        ]

    ready: list[int] = []
    everybody = asyncio.Event()
    tasks = [asyncio.create_task(desk(n, cookie)) for n, cookie in enumerate(cookies)]
    try:
        arrival = asyncio.create_task(everybody.wait())
        await asyncio.wait({arrival, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not arrival.done():
            arrival.cancel()
            raise RuntimeError("a desk could not connect")
        if busy is not None:
            # Everything is warmed up by two seconds of the same before it is measured.
            await busy.live(2.0)
        cpu_before = _cpu_s(process.pid)
        begun = time.monotonic()
        measuring.set()
        await (asyncio.sleep(seconds + 1.0) if busy is None else busy.live(seconds))
        cpu_s = _cpu_s(process.pid) - cpu_before
        measuring.clear()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Listened(cpu_s, heard)


def _cpu_s(pid: int) -> float:
    """Processor seconds all threads of a process have used, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


class _At(msgspec.Struct):
    at: datetime


class _Positions(msgspec.Struct):
    positions: list[_At]


# --- the city ---


async def _people(address: DatabaseAddress, desks: int) -> tuple[UUID, list[str]]:
    """A company, and one dispatcher's sessions, as many as there are desks."""
    from server.access.actions import create_company, create_person
    from server.access.authentication import COOKIE
    from server.access.rules import SESSION_ABSOLUTE
    from server.access.tables import ConsoleSession
    from server.access.tokens import digest, new_token
    from server.actor import Role
    from server.clock import SystemClock
    from server.db import new_id
    from server.rooms import open_rooms
    from server.settings import Settings

    open_rooms()
    database = Database(Settings(database_url=address.app_url), SystemClock())
    company_id = await create_company(database, code="bench", name_zh="基准", name_en="Bench")
    tokens = [new_token(company_id) for _ in range(desks)]
    now = database.clock.wall()
    async with database.begin(Actor.system(company_id)) as tx:
        person = await create_person(tx, username="bench", name="Bench", roles={Role.DISPATCHER})
        for token in tokens:
            tx.session.add(
                ConsoleSession(
                    id=new_id(),
                    person_id=person.id,
                    token_hash=digest(token),
                    address="127.0.0.1",
                    started_at=now,
                    last_used_at=now,
                    ends_at=now + SESSION_ABSOLUTE,
                )
            )
    await database.dispose()
    return company_id, [f"{COOKIE}={token}" for token in tokens]


class _City:
    """Writes what a busy city writes: changes in transactions of their own, and positions."""

    def __init__(self, address: DatabaseAddress, company_id: UUID) -> None:
        self._url = address.app_url
        self._company_id = company_id
        self._random = random.Random(7)
        self._crews = [UUID(int=self._random.getrandbits(128)) for _ in range(CREWS)]

    async def live(self, seconds: float) -> None:
        """Go on for so long."""
        from server.clock import SystemClock
        from server.settings import Settings

        database = Database(Settings(database_url=self._url), SystemClock())
        async with await psycopg.AsyncConnection.connect(
            self._url.replace("postgresql+psycopg", "postgresql"), autocommit=True
        ) as direct:
            await direct.execute(
                "SELECT set_config('changming.company_id', %s, false)", [str(self._company_id)]
            )
            begun = time.monotonic()
            turn = 0
            while (due := begun + turn / WRITES_PER_S) < begun + seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._change(database, Actor.system(self._company_id))
                await self._move(direct, turn)
                turn += 1
        await database.dispose()

    async def _change(self, database: Database, actor: Actor) -> None:
        from server.feed import note

        async with database.begin(actor) as tx:
            for _ in range(CHANGES_PER_WRITE):
                note(tx, "bench", params={"words": WORDS, "n": self._random.random()})

    async def _move(self, direct: psycopg.AsyncConnection[tuple[object, ...]], turn: int) -> None:
        share = CREWS * MOVING_SHARE / WRITES_PER_S
        first = int(turn * share)
        for number in range(first, first + int(share)):
            await direct.execute(
                "INSERT INTO newest_fixes (crew_id, phone_id, at, recorded_at, lon, lat,"
                " accuracy_m, speed_kmh, heading_deg)"
                " VALUES (%s, %s, now(), now(), %s, %s, 8, 40, 90)"
                " ON CONFLICT (company_id, crew_id) DO UPDATE SET at = excluded.at,"
                " recorded_at = excluded.recorded_at, lon = excluded.lon, lat = excluded.lat",
                [
                    self._crews[number % CREWS],
                    self._crews[number % CREWS],
                    105.9 + self._random.random() / 10,
                    26.2 + self._random.random() / 10,
                ],
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        _bare(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main(sys.argv[1:]))
