"""Everything that must hold before a change may land: what `infra/test` runs.

Belongs here: the stages, their order and the honest sum of them. Does not belong here: the tests.
With arguments only pytest runs, with them; without, every stage runs even if an earlier one failed,
so that one run shows everything there is to mend.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from infra import environment
from infra.checkout import ROOT, throwaway_cluster_folder, var_folder
from infra.cluster import last_one_stops
from infra.environment import SCREENS, VENV
from infra.machine import SetupProblem
from infra.steps import Steps, Taken

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Run all stages, or pytest alone when it is given arguments; 0 only when everything held."""
    steps = Steps(var_folder() / "log/checks")
    steps.load(var_folder() / "log/prepare/steps.json")
    if arguments:
        return _pytest(arguments)
    broken = [
        name for name, words in _static_checks() if not _holds(steps, name, _program(steps, words))
    ]
    for screen in environment.screens_there():
        build = partial(environment.have_screens, steps, var_folder() / "stamps", screen)
        if not _holds(steps, f"{screen} build", build):
            broken.append(f"{screen} build")
        for script, what in (("check", "types"), ("test", "tests")):
            words = ["npm", "run", script]
            if not _holds(steps, f"{screen} {what}", _program(steps, words, SCREENS[screen])):
                broken.append(f"{screen} {what}")
    began = time.monotonic()
    print("· tests", flush=True)
    failed = _pytest(_everything()) != 0
    steps.taken.append(Taken("tests", time.monotonic() - began, "FAILED" if failed else "held"))
    if failed:
        broken.append("tests")
    print("\n" + steps.summary(), flush=True)
    print("Broken: " + ", ".join(broken) if broken else "Everything holds.", flush=True)
    return 1 if broken else 0


def _static_checks() -> list[tuple[str, list[str]]]:
    program = VENV / "bin"
    return [
        ("lint", [str(program / "ruff"), "check", "."]),
        ("format", [str(program / "ruff"), "format", "--check", "."]),
        ("strict types", [str(program / "mypy")]),
        ("import rules", [str(program / "lint-imports"), "--no-logo"]),
    ]


def _program(steps: Steps, words: Sequence[str], cwd: Path = ROOT) -> Callable[[], str]:
    def run() -> str:
        path = environment.node_path()
        steps.command(words, cwd=cwd, environment={"PATH": path}, ending_lines=200)
        return "held"

    return run


def _holds(steps: Steps, name: str, check: Callable[[], str]) -> bool:
    try:
        steps.run(name, check)
    except SetupProblem as problem:
        print(problem, flush=True)
        return False
    return True


def _everything() -> list[str]:
    workers = max(2, min(4, os.cpu_count() or 2))
    return ["-q", "-n", str(workers), "--dist", "worksteal", "--durations", "10"]


def _pytest(arguments: Sequence[str]) -> int:
    """Run pytest; its status. Asked to stop, we let it clean up its databases and servers first."""
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        for tests in running:
            tests.send_signal(signal.SIGINT)

    # Before the start: a shell that runs us in the background has told us to ignore SIGINT, and
    # pytest would inherit that.
    before = {number: signal.signal(number, pass_on) for number in _STOPPING}
    command = [str(VENV / "bin/python"), "-m", "pytest", *arguments]
    try:
        # We outlive the test processes, so their cluster is stopped even when they are killed.
        with (
            last_one_stops(throwaway_cluster_folder()),
            subprocess.Popen(command, cwd=ROOT, start_new_session=True) as tests,
        ):
            running.append(tests)
            return tests.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
