"""Real server processes for tests and benches that need sockets, crashes or a browser.

Belongs here: starting the product's own commands on a database and ending them. Does not belong
here: asking them anything; keeping a whole deployment up (`running`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from infra.children import Child, ChildPlan
from infra.cluster import DatabaseAddress
from infra.deployment import settings_environment
from server.settings import Settings

READY_WITHIN_S = 60.0


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_for(address: DatabaseAddress, *, drill_clock: bool = False) -> Settings:
    """Settings of a small deployment on a test database, on free ports."""
    return Settings(
        database_url=address.app_url,
        owner_url=address.owner_url,
        console_port=free_port(),
        field_port=free_port(),
        drill_clock=drill_clock,
        pool_size=4,
    )


class Served:
    """One running process (`changming serve PART`) and what it has printed."""

    def __init__(self, part: str, settings: Settings) -> None:
        self.part = part
        self.lines: list[str] = []
        port = settings.console_port if part == "console" else settings.field_port
        self.url = f"http://{settings.host}:{port}"
        health = {"console": f"{self.url}/api/me", "field": f"{self.url}/v1/time"}.get(part)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            **settings_environment(replace(settings, owner_url=None)),
        }
        plan = ChildPlan(
            name=part,
            command=[sys.executable, "-m", "infra.cli", "serve", part],
            environment=environment,
            health_url=health,
        )
        self.child = Child(plan, lambda _name, line: self.lines.append(line), self.lines.append)

    def start(self) -> None:
        """Start it and wait until it answers; otherwise RuntimeError with its output."""
        self.child.start()
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.child.serves():
            if self.child.pid is None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.part} did not come up:\n" + "\n".join(self.lines[-40:]))
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        self.child.ask_to_stop()
        self.child.await_stop(10)


@contextlib.contextmanager
def serving(settings: Settings, *parts: str) -> Iterator[dict[str, Served]]:
    """Run the parts (`console`, `field`, `watch`) inside the block."""
    running = {part: Served(part, settings) for part in parts}
    try:
        for one in running.values():
            one.start()
        yield running
    finally:
        for one in running.values():
            one.stop()
