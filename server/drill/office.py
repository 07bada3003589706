"""Everybody at the desks of a business drill: who may act as whom, and what the servers answered.

A refusal that a drill provokes on purpose is counted; any other is kept as trouble and ends that
case's play. Not here: what is asked (`case_player`, `month`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from server.actor import Role
from server.drill.desk import Desk
from server.drill.door import Answer

log = structlog.get_logger()


class Stuck(Exception):
    """The servers refused what should have gone through; the tally has it."""


@dataclass(frozen=True, slots=True)
class Clerk:
    """Somebody at a desk."""

    username: str
    roles: frozenset[Role]
    desk: Desk


@dataclass(slots=True)
class Answers:
    """What was asked of the servers and what they said."""

    asked: int = 0
    provoked: Counter[str] = field(default_factory=Counter)
    """Refusals wanted, by code."""
    trouble: list[str] = field(default_factory=list)
    """Everything else that was not done."""


class Office:
    """The desks' people, in the order in which they are asked to do something."""

    def __init__(self, clerks: Sequence[Clerk], roles: Mapping[str, frozenset[Role]]) -> None:
        self._clerks = list(clerks)
        self._roles = roles
        self.answers = Answers()

    async def sign_in(self) -> None:
        """Everybody comes to work."""
        for clerk in self._clerks:
            await clerk.desk.sign_in()

    async def close(self) -> None:
        """Everybody goes home."""
        for clerk in self._clerks:
            await clerk.desk.close()

    def any_of(self, *wanted: Role) -> Clerk:
        """The first who has one of these roles."""
        return next(one for one in self._clerks if not one.roles.isdisjoint(wanted))

    def who_may(self, role: str | None, besides: Collection[str] = ()) -> list[Clerk]:
        """Who may act for a role of the pack, in order; supervisors last, for they also judge."""
        allowed = (
            self._roles[role]
            if role is not None
            else frozenset({Role.OPERATOR, Role.ACCOUNT_MANAGER, Role.SUPERVISOR})
        )
        found = [
            one
            for one in self._clerks
            if not one.roles.isdisjoint(allowed) and one.username not in besides
        ]
        return sorted(found, key=lambda one: Role.SUPERVISOR in one.roles)

    async def see(self, clerk: Clerk, path: str, **params: Any) -> Any:
        """Read something. Raises Stuck."""
        self.answers.asked += 1
        return self._good(await clerk.desk.get(path, **params), f"GET {path}")

    async def do(self, clerk: Clerk, path: str, body: Any) -> Any:
        """Write something that must go through. Raises Stuck."""
        self.answers.asked += 1
        return self._good(await clerk.desk.post(path, body), f"POST {path}", body)

    async def attempt(self, clerk: Clerk, path: str, body: Any) -> Answer:
        """Write something that may be refused; the caller judges the answer."""
        self.answers.asked += 1
        return await clerk.desk.post(path, body)

    async def provoke(self, clerk: Clerk, path: str, body: Any, code: str) -> None:
        """Try what is forbidden. Raises Stuck unless it is refused with that code."""
        self.answers.asked += 1
        self.expect(await clerk.desk.post(path, body), f"POST {path}", code)

    def expect(self, answer: Answer, what: str, code: str) -> None:
        """Count a refusal that was wanted. Raises Stuck for any other answer."""
        if answer.ok or answer.code != code:
            self.trouble(f"{what}: wanted {code}, got {answer.status} {answer.code}")
            raise Stuck(what)
        self.answers.provoked[code] += 1

    def trouble(self, words: str) -> None:
        """Keep something that should not have been."""
        self.answers.trouble.append(words)
        log.warning("drill_trouble", words=words)

    def _good(self, answer: Answer, what: str, body: Any = None) -> Any:
        if not answer.ok:
            detail = answer.body if isinstance(answer.body, dict) else {}
            self.trouble(f"{what}: {answer.status} {answer.code} {detail.get('detail', '')} {body}")
            raise Stuck(what)
        return answer.body
