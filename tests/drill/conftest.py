"""Real servers for drills: console, field API and watch as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cluster import DatabaseAddress
from infra.deployment import settings_environment
from infra.serving import settings_for
from server.settings import Settings

PARTS = ("console", "field", "watch")
ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 15


class Deployment:
    """A deployment's processes, which a test may kill and start again."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings = settings
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, part: str) -> None:
        """Start a process; it needs some seconds before it serves."""
        environment = {**os.environ, **settings_environment(self.settings)}
        with (self._logs / f"{part}.log").open("ab") as out:
            self._running[part] = subprocess.Popen(
                [sys.executable, "-m", "infra.cli", "serve", part],
                env=environment,
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def kill(self, part: str) -> None:
        """End a process as a power cut would."""
        process = self._running.pop(part)
        process.kill()
        process.wait()

    def fallen(self) -> list[str]:
        """Parts that have ended by themselves."""
        return [part for part, process in self._running.items() if process.poll() is not None]

    def stop(self) -> None:
        """End all processes, asking first."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


@pytest.fixture
def deployment(database: DatabaseAddress, tmp_path: Path) -> Iterator[Deployment]:
    """A running deployment on a database of its own, following a drill clock."""
    settings = settings_for(database, drill_clock=True)
    running = Deployment(settings, tmp_path)
    try:
        for part in PARTS:
            running.start(part)
        yield running
    finally:
        running.stop()
