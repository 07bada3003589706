"""Killing everything during a drill, and counting what was lost: `infra/bench faults`.

A whole deployment (`changming up`) runs in a folder of its own. A storm of a drill rings, drives
and answers through the public APIs from this process, which writes down every answer that reached
it. Meanwhile the console, the field API, the watch and PostgreSQL are killed with SIGKILL at random
moments. Afterwards every acknowledged call and phone action must be found once, and every clock
must be what its facts say. Not here: the drill itself, starting processes again (`running`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import structlog

from infra.cluster import Cluster
from infra.deployment import Running, read_running
from infra.serving import free_port
from server.db import Database
from server.db.anchor import clock_for, following
from server.drill.door import Answer, Door
from server.drill.run import DrillWishes, play
from server.drill.scenario import Intensity
from server.settings import Settings

VICTIMS = ("console", "field", "watch", "postgres")
READY_WITHIN_S = 300.0
BACK_WITHIN_S = 90.0
SPEED = 30.0
"""Business seconds per second: a storm's incidents come to their end within the bench."""


@dataclass(slots=True)
class Acknowledged:
    """Every answer that reached a client, and so must be true for ever."""

    rings: dict[str, str] = field(default_factory=dict)
    """Call id → its time of receipt."""
    logs: dict[str, str] = field(default_factory=dict)
    """Call id → incident id."""
    words: dict[str, str] = field(default_factory=dict)
    """Key of a phone's word → outcome."""
    assignments: set[str] = field(default_factory=set)
    fixes: int = 0

    def hear(self, method: str, path: str, body: Any, answer: Answer) -> None:
        """Write one answer down (see `Door.witness`)."""
        if method != "POST" or not answer.ok:
            return
        if path == "/api/rings":
            self.rings[answer.body["id"]] = answer.body["received_at"]
        elif path.startswith("/api/calls/") and path.endswith("/log"):
            incident = answer.body["incident"]
            self.logs[answer.body["call"]["id"]] = incident["id"] if incident else ""
        elif path == "/v1/actions":
            self.words[str(body["key"])] = answer.body["outcome"]
        elif path.startswith("/api/work-orders/") and path.endswith("/assignments"):
            self.assignments.add(answer.body["id"])
        elif path == "/v1/fixes":
            self.fixes += answer.body["accepted"]

    @property
    def count(self) -> int:
        """Acknowledged calls and phone actions."""
        return len(self.rings) + len(self.logs) + len(self.words) + len(self.assignments)


class Deployment:
    """A `changming up` of our own, and its processes to kill."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.console_port, self.field_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until all parts answer. Raises RuntimeError with its last words."""
        command = [sys.executable, "-m", "infra.cli", "up", "--var", str(self.var), "--no-drill"]
        command += ["--console-port", str(self.console_port), "--field-port", str(self.field_port)]
        log = (self.var / "up.log").open("wb")
        self._process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        log.close()
        self._await(lambda: self.running() is not None and self.serves(), READY_WITHIN_S)

    def running(self) -> Running | None:
        """What runs at present."""
        return read_running(self.var)

    def settings(self) -> Settings:
        """The settings of its processes."""
        running = self.running()
        assert running is not None
        return Settings.from_environment(running.environment)

    def serves(self) -> bool:
        """Whether console and field API answer, database included."""
        urls = (
            f"http://127.0.0.1:{self.console_port}/api/session",
            f"http://127.0.0.1:{self.field_port}/v1/pair",
        )
        return all(_answers(url) for url in urls)

    def kill(self, victim: str) -> None:
        """SIGKILL one part, and wait until all is well again."""
        running = self.running()
        assert running is not None
        pid = running.postmaster if victim == "postgres" else running.children[victim]
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self._await(lambda: self._is_back(victim, pid), BACK_WITHIN_S)

    def _is_back(self, victim: str, old_pid: int) -> bool:
        running = self.running()
        if running is None:
            return False
        new = running.postmaster if victim == "postgres" else running.children.get(victim)
        return new is not None and new != old_pid and self.serves()

    def _await(self, ready: Any, within_s: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + within_s
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                ending = (self.var / "up.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"the deployment is not up:\n{ending}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Take it down as a person would."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(60)
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _answers(url: str) -> bool:
    """A POST with a body that is refused by rule went through the whole server."""
    request = urllib.request.Request(url, data=b"{}", headers={"content-type": "application/json"})  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except OSError:
        return False


async def _storm(deployment: Deployment, rounds: int, seed: int, gap_s: float) -> list[str]:
    """Play a stormy drill while a thread kills; returns the victims in order."""
    settings = deployment.settings()
    database = Database(settings, clock_for(settings))
    stop = asyncio.Event()
    chance = random.Random(seed)
    # Every part dies at least once where there are rounds enough; the rest is chance.
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(min(rounds, len(VICTIMS)))]
    victims += [chance.choice(VICTIMS) for _ in range(rounds - len(victims))]
    chance.shuffle(victims)

    async def killer() -> None:
        await asyncio.sleep(gap_s * 2)
        for number, victim in enumerate(victims, 1):
            await asyncio.sleep(chance.uniform(0.2, gap_s))
            print(f"round {number}/{rounds}: kill -9 {victim}", flush=True)
            await asyncio.to_thread(deployment.kill, victim)
        await asyncio.sleep(gap_s)
        stop.set()

    try:
        async with following(database):
            wishes = DrillWishes(speed=SPEED, intensity=Intensity.STORM, seed=seed)
            async with asyncio.TaskGroup() as group:
                group.create_task(play(database, wishes, stop))
                group.create_task(killer())
    finally:
        await database.dispose()
    return victims


@dataclass(slots=True)
class Findings:
    """What the database says about what was acknowledged."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.lost) + len(self.doubled) + len(self.wrong)


def examine(connection: psycopg.Connection[Any], told: Acknowledged) -> Findings:
    """Compare what clients were told with what is stored. Reads as superuser, all rows."""
    found = Findings()

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    calls = {
        str(one[0]): one[1:]
        for one in rows("SELECT id, received_at, state, incident_id FROM calls")
    }
    for call_id, received_at in told.rings.items():
        if call_id not in calls:
            found.lost.append(f"ring {call_id}")
        elif calls[call_id][0].isoformat() != received_at.replace("Z", "+00:00"):
            found.wrong.append(f"ring {call_id}: {calls[call_id][0]} told as {received_at}")
    for call_id, incident_id in told.logs.items():
        row = calls.get(call_id)
        if row is None or row[1] != "logged" or str(row[2] or "") != incident_id:
            found.lost.append(f"log of call {call_id}")
    records: dict[str, int] = {}
    for key, outcome in rows("SELECT key::text, outcome FROM field_records"):
        records[key] = records.get(key, 0) + 1
        if key in told.words and told.words[key] != outcome:
            found.wrong.append(f"word {key}: {outcome} told as {told.words[key]}")
    found.lost += [f"word {key}" for key in told.words if key not in records]
    found.doubled += [f"word {key}" for key, times in records.items() if times > 1]
    stored = {one[0] for one in rows("SELECT id::text FROM assignments")}
    found.lost += [f"assignment {one}" for one in told.assignments if one not in stored]
    fixes = rows("SELECT count(*) FROM fixes")[0][0]
    if fixes < told.fixes:
        found.lost.append(f"{told.fixes - fixes} fixes")
    checks = {
        "two incidents for one call": """
            SELECT call_id FROM answers_owed GROUP BY call_id HAVING count(*) > 1""",
        "an incident without its call": """
            SELECT number FROM incidents i
            WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE c.incident_id = i.id)""",
        "a number given twice": """
            SELECT number FROM incidents GROUP BY company_id, number HAVING count(*) > 1""",
        "a crew on two emergencies": """
            SELECT crew_id FROM assignments
            WHERE emergency AND state IN ('offered', 'acknowledged', 'en_route', 'on_scene')
            GROUP BY crew_id HAVING count(*) > 1""",
        "two running clocks of one clause": """
            SELECT subject_id FROM clocks WHERE state = 'running'
            GROUP BY subject_id, clause_id HAVING count(*) > 1""",
    }
    for what, sql in checks.items():
        found.doubled += [f"{what}: {row[0]}" for row in rows(sql)]
    wrongs = {
        "an incident counted from another time than its first ring": """
            SELECT number FROM incidents i WHERE received_at <>
            (SELECT min(received_at) FROM calls c WHERE c.incident_id = i.id)""",
        "a clock that began at another time than the ring": """
            SELECT i.number FROM clocks c JOIN incidents i ON i.id = c.subject_id
            JOIN promise_rounds r ON r.id = c.round_id
            WHERE r.number = 1 AND c.what IN ('dispatched', 'arrived')
            AND c.started_at <> i.received_at""",
        "a clock stopped at another time than its earliest fact": """
            SELECT c.id FROM clocks c JOIN promise_rounds r ON r.id = c.round_id
            WHERE r.number = 1 AND c.stopped_at IS NOT NULL AND c.stopped_at <>
            (SELECT min(f.at) FROM reported_facts f
             WHERE f.subject_id = c.subject_id AND f.what = c.what)
            AND NOT EXISTS (SELECT 1 FROM promise_rounds later
                            WHERE later.subject_id = c.subject_id AND later.number > 1)""",
        "a clock with the wrong verdict": """
            SELECT id FROM clocks WHERE due_at IS NOT NULL AND stopped_at IS NOT NULL
            AND state IN ('met', 'late') AND (stopped_at <= due_at) <> (state = 'met')""",
        "a hole in the feed": """
            SELECT company_id FROM feed_changes GROUP BY company_id
            HAVING max(seq) <> count(*) OR max(seq) <>
            (SELECT seq FROM feed_counters k WHERE k.company_id = feed_changes.company_id)""",
    }
    for what, sql in wrongs.items():
        found.wrong += [f"{what}: {row[0]}" for row in rows(sql)]
    return found


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="changming-faults-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(rounds: int, seed: int, gap_s: float, var: Path | None = None) -> dict[str, Any]:
    """Run the whole bench; returns its figures. `var`: a folder to keep (default: a passing one).

    Raises RuntimeError when the deployment does not come up, or does not come back.
    """
    # A drill whose servers are being killed says so a thousand times; only the rounds matter here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    told = Acknowledged()
    with _folder(var) as folder:
        deployment = Deployment(folder)
        Door.witness = told.hear
        try:
            deployment.start()
            began = time.monotonic()
            victims = asyncio.run(_storm(deployment, rounds, seed, gap_s))
            lasted_s = time.monotonic() - began
            with Cluster(folder / "pg", durable=True).connect_superuser("changming") as connection:
                found = examine(connection, told)
        finally:
            Door.witness = None
            deployment.stop()
    for kind in ("lost", "doubled", "wrong"):
        for line in getattr(found, kind):
            print(f"{kind}: {line}", flush=True)
    return {
        "bench": "faults",
        "ratio": found.count / max(1, told.count),
        "target": 0,
        "holds": found.count == 0 and told.count > 0,
        "rounds": rounds,
        "seed": seed,
        "victims": {name: victims.count(name) for name in VICTIMS},
        "acknowledged": told.count,
        "rings": len(told.rings),
        "logged": len(told.logs),
        "words": len(told.words),
        "assignments": len(told.assignments),
        "fixes": told.fixes,
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "wrong": len(found.wrong),
        "seconds": round(lasted_s, 1),
    }


def main(argv: list[str]) -> int:
    """Run the bench; the last line printed is one JSON object. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra/bench faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how often something is killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gap", type=float, default=6.0, help="most seconds between two kills")
    parser.add_argument("--var", type=Path, help="keep the deployment in this folder")
    chosen = parser.parse_args(argv)
    result = measure(chosen.rounds, chosen.seed, chosen.gap, chosen.var)
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
