"""`changming up`, with small stand-ins for the servers: it rises, watches, mends, and goes down.

The real servers come up in tests/feed and tests/browser; here each is a web server of ten lines, so
that what is tested is the coming and going.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from infra.checkout import ROOT
from infra.children import alive
from infra.cluster import Cluster
from infra.deployment import Running, read_running
from tests.unit.infra.scratch import scratch_folder
from tests.unit.infra.waiting import until

SCRIPT = """
import os, sys
from pathlib import Path
from infra.children import ChildPlan
from infra.machine import SetupProblem
from infra.running import Wishes, run
from server.settings import Settings

SERVER = '''
import http.server, os
h = http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler)
print("owner's way in:", os.environ.get("CHANGMING_OWNER_URL"), flush=True)
h.serve_forever()
'''

def plans(wishes, settings):
    from infra.running import child_plans
    real = child_plans(wishes, settings)
    ports = {"console": settings.console_port, "field": settings.field_port}
    return [
        ChildPlan(
            plan.name,
            [sys.executable, "-c", SERVER.format(port=ports[plan.name])],
            plan.environment,
            plan.health_url,
        )
        for plan in real
        if plan.name in ports
    ]

try:
    status = run(Wishes(
        var=Path(sys.argv[1]),
        demo=False,
        settings=Settings(console_port=int(sys.argv[2]), field_port=int(sys.argv[3])),
    ), plans)
except SetupProblem as problem:
    sys.exit(str(problem))
sys.exit(status)
"""


class Up:
    """One `changming up` in a process of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.ports = (_unused_port(), _unused_port())
        self._path = Path(tempfile.mkstemp(prefix="output-", dir=var)[1])
        self._output = self._path.open("w", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHANGMING_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(var), *map(str, self.ports)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**environment, "CHANGMING_OWNER_URL": "must not reach a server"},
        )

    def output(self) -> str:
        """What the person has seen so far."""
        return self._path.read_text(encoding="utf-8")

    def running(self) -> Running | None:
        """What it says about itself."""
        return read_running(self.var)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._output.close()
        return status


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def risen(up: Up) -> Up:
    """The same, once it is up."""

    def lives() -> None:
        assert up.process.poll() is None, up.output()

    until(up.running, meanwhile=lives)
    return up


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    """A folder to run from, the same for all tests here: each start after the first is a second."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def start(var: Path) -> Iterator[Callable[[], Up]]:
    """Starts one from the common folder; ends whatever a test leaves running."""
    started: list[Up] = []

    def begin() -> Up:
        started.append(Up(var))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def up(start: Callable[[], Up]) -> Up:
    """A running one, up and serving."""
    return risen(start())


def as_running(up: Up) -> Running:
    """What it says about itself, which must be something."""
    running = up.running()
    assert running is not None
    return running


def test_it_tells_address_steps_and_seconds(up: Up) -> None:
    until(lambda: "Stop: Ctrl-C" in up.output())
    told = up.output()
    assert f"http://127.0.0.1:{up.ports[0]}/" in told
    for step in ("database server", "tables", "servers", "total"):
        assert step in told


def test_servers_do_not_see_the_owners_way_in(up: Up) -> None:
    log = up.var / "log/changming.log"
    until(lambda: "owner's way in:" in log.read_text(encoding="utf-8"))
    lines = log.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if "owner's way in:" in line]
    assert told
    assert all(line.endswith(" None") for line in told)


def test_second_one_from_the_same_folder_is_refused(up: Up, start: Callable[[], Up]) -> None:
    other = start()
    assert other.process.wait(60) == 1
    assert "already runs" in other.output()
    assert up.process.poll() is None


def test_stopping_leaves_nothing_and_starting_again_finds_everything(
    start: Callable[[], Up], var: Path
) -> None:
    first = risen(start())
    running = as_running(first)
    url = Cluster(var / "pg").database("changming").owner_url.replace("+psycopg", "")
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TABLE yesterday AS SELECT 42 AS n")
    assert first.stop(signal.SIGINT) == 0, first.output()
    for pid in (running.postmaster, *running.children.values()):
        assert pid is not None
        assert not alive(pid)
    assert read_running(var) is None
    assert Cluster(var / "pg").postmaster_pid() is None
    second = risen(start())
    with psycopg.connect(url) as owner:
        assert owner.execute("SELECT n FROM yesterday").fetchone() == (42,)
        owner.execute("DROP TABLE yesterday")
    assert second.stop() == 0


def test_killed_server_is_started_again(up: Up) -> None:
    before = as_running(up).children["console"]
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: as_running(up).children["console"] not in (None, before))
    assert "console fell (SIGKILL)" in up.output()


def test_killed_database_server_is_started_again(up: Up) -> None:
    before = as_running(up).postmaster
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: as_running(up).postmaster not in (None, before))
    assert Cluster(up.var / "pg").ready()


def test_killed_up_takes_its_servers_along_and_the_next_one_mends(
    start: Callable[[], Up],
) -> None:
    killed = risen(start())
    children = as_running(killed).children
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    second = risen(start())
    assert "found running" in second.output()
    for pid in children.values():
        assert pid is not None
        assert not alive(pid)
    assert second.stop() == 0


def test_taken_port_is_named_and_nothing_is_started(var: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        told = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(var), str(other.getsockname()[1]), "1"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert told.returncode == 1
    assert "--console-port" in told.stderr
    assert Cluster(var / "pg").postmaster_pid() is None
