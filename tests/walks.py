"""A made-up process with every kind of step, for tests of whatever walks processes.

Belongs here: the graph as a pack would write it. Does not belong here: what should happen in it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from server.actor import Role
from server.policy.wire_processes import Process

ROLES = {
    "account_manager": frozenset({Role.ACCOUNT_MANAGER}),
    "engineering": frozenset({Role.DISPATCHER, Role.SUPERVISOR}),
    "service": frozenset({Role.OPERATOR, Role.SUPERVISOR}),
}

BUILD = (Path(__file__).parent / "walks.toml").read_text(encoding="utf-8")


def process(text: str = BUILD) -> Process:
    """A process as a pack's file gives it."""
    return msgspec.convert(tomllib.loads(text), Process)
