"""Who answers for what a clock is about: the incident or the case. Those rooms register here.

Asked when a claim of exemption is made or ruled on. Not here: the claims (`actions_exemptions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from server.db import Tx
from server.promises.tables import PromiseClock

OwnerKind = Literal["incident", "case"]


@dataclass(frozen=True, slots=True)
class Concerned:
    """Who may not judge: by their crew, or by name."""

    judge_crew_ids: frozenset[UUID] = frozenset()
    """Crews the acting person belongs to (this room does not know crews)."""
    attending_crew_ids: frozenset[UUID] = frozenset()
    """Crews that were sent."""
    person_ids: frozenset[UUID] = frozenset()
    """Who answers for it: the case's account manager."""


class ClockOwner(Protocol):
    """What a room must offer whose things have clocks that may be excused."""

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """Lock the owner's row, before its clocks. Raises NotFound."""
        ...

    async def concerned(self, tx: Tx, owner_id: UUID) -> Concerned:
        """Who may not judge, the acting person's crews among it."""
        ...

    async def changed(self, tx: Tx, owner_id: UUID) -> None:
        """A clock of it looks otherwise now: announce what shows it."""
        ...


_OWNERS: dict[OwnerKind, ClockOwner] = {}


def register_clock_owner(kind: OwnerKind, owner: ClockOwner) -> None:
    """Called once at import by the owning room. Raises RuntimeError when the kind is taken."""
    if kind in _OWNERS:
        raise RuntimeError(f"{kind} is already registered")
    _OWNERS[kind] = owner


def owner_of_clock(clock: PromiseClock) -> tuple[ClockOwner, UUID] | None:
    """Who answers for a clock, and its id; None for what belongs to neither (a lead, a routine).

    Raises LookupError when the owning room was never opened.
    """
    kind: OwnerKind = "incident" if clock.subject_kind == "incident" else "case"
    owner_id = clock.subject_id if kind == "incident" else clock.case_id
    if owner_id is None:
        return None
    if kind not in _OWNERS:
        raise LookupError(f"no room has registered as the owner of {kind} clocks")
    return _OWNERS[kind], owner_id
