"""Children: watched, started again, stopped, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from infra.checkout import ROOT
from infra.children import Child, ChildPlan, alive
from tests.unit.infra.waiting import until

PATIENT = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)
SERVER = (
    "import http.server as h; s = h.HTTPServer(('127.0.0.1', {port}), h.{handler});"
    "print('ready', flush=True); s.serve_forever()"
)


class Watched:
    """A child with all it said and all that was said of it."""

    def __init__(self, script: str, *, may_end: bool = False, health_url: str | None = None):
        self.lines: list[str] = []
        self.said: list[str] = []
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WORD": "x"}
        command = [sys.executable, "-c", script]
        plan = ChildPlan("fox", command, environment, health_url, may_end)
        self.child = Child(plan, lambda name, line: self.lines.append(line), self.said.append)


@pytest.fixture
def started() -> Iterator[Callable[[Watched], Child]]:
    """Starts children, and ends what a failed test leaves."""
    children: list[Child] = []

    def start(watched: Watched) -> Child:
        children.append(watched.child)
        watched.child.start()
        return watched.child

    yield start
    for child in children:
        child.ask_to_stop()
        child.await_stop(0.1)


def test_output_is_passed_on_line_by_line(started: Callable[[Watched], Child]) -> None:
    watched = Watched("import os; print('one'); print(os.environ['WORD'])", may_end=True)
    child = started(watched)
    until(lambda: len(watched.lines) == 2)
    assert watched.lines == ["one", "x"]
    until(lambda: child.pid is None)


def test_fallen_child_is_started_again_and_said(started: Callable[[Watched], Child]) -> None:
    watched = Watched(PATIENT)
    child = started(watched)
    until(lambda: watched.lines)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: child.pid is None)
    child.look_after()
    assert watched.said[0].startswith("fox fell (SIGKILL) after 0 s; again in 1 s")
    until(lambda: child.pid, meanwhile=child.look_after)
    assert child.pid != first
    assert watched.said[1] == "starting fox again"


def test_pauses_grow_while_it_keeps_falling(started: Callable[[Watched], Child]) -> None:
    watched = Watched("import sys; sys.exit(7)")
    child = started(watched)
    until(lambda: len(watched.said) == 3, meanwhile=child.look_after)
    assert "(status 7)" in watched.said[0]
    assert watched.said[0].endswith("again in 1 s")
    assert watched.said[2].endswith("again in 2 s")


def test_child_that_may_end_is_not_started_again(started: Callable[[Watched], Child]) -> None:
    watched = Watched("pass", may_end=True)
    child = started(watched)
    until(lambda: watched.said, meanwhile=child.look_after)
    assert watched.said == ["fox has come to its end"]
    child.look_after()
    assert child.pid is None


def test_stubborn_child_is_killed(started: Callable[[Watched], Child]) -> None:
    watched = Watched(STUBBORN)
    child = started(watched)
    until(lambda: watched.lines)
    child.ask_to_stop()
    child.await_stop(0.2)
    assert child.pid is None
    assert "did not stop within" in watched.said[0]


def test_stopped_child_is_not_started_again(started: Callable[[Watched], Child]) -> None:
    watched = Watched(PATIENT)
    child = started(watched)
    until(lambda: watched.lines)
    child.ask_to_stop()
    child.await_stop(10)
    child.look_after()
    assert child.pid is None
    assert watched.said == []


@pytest.mark.parametrize(
    ("handler", "serves"),
    [("SimpleHTTPRequestHandler", True), ("BaseHTTPRequestHandler", False)],
)
def test_health_is_an_answer_below_500(
    started: Callable[[Watched], Child], unused_port: int, handler: str, *, serves: bool
) -> None:
    # BaseHTTPRequestHandler answers 501 to everything.
    url = f"http://127.0.0.1:{unused_port}/no-such-file"
    watched = Watched(SERVER.format(port=unused_port, handler=handler), health_url=url)
    child = started(watched)
    assert not Watched("", health_url=url).child.serves()
    until(lambda: watched.lines)
    assert child.serves() is serves


@pytest.fixture
def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_children_die_with_a_killed_parent() -> None:
    script = f"""
import signal
from infra.children import Child, ChildPlan
plan = ChildPlan("fox", [{sys.executable!r}, "-c", {PATIENT!r}], {{}})
child = Child(plan, lambda name, line: print(child.pid, flush=True), print)
child.start()
signal.pause()
"""
    command = [sys.executable, "-c", script]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.kill()
    until(lambda: not alive(orphan))
