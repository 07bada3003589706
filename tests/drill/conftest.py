"""Real servers for drills: console, field API and watch as processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from infra.cluster import DatabaseAddress
from infra.deployment import settings_environment
from server.settings import Settings

PARTS = ("console", "field", "watch")
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(part: str, settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One part of a deployment, running; stopped when the block ends."""
    environment = {**os.environ, **settings_environment(settings)}
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "serve", part],
            env=environment,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@pytest.fixture
def deployment(database: DatabaseAddress, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a running deployment on a database of its own, following a drill clock."""
    settings = replace(
        Settings(database_url=database.app_url, pool_size=5),
        console_port=free_port(),
        field_port=free_port(),
        drill_clock=True,
    )
    with ExitStack() as stack:
        for part in PARTS:
            stack.enter_context(process(part, settings, tmp_path / f"{part}.log"))
        yield settings
