"""To whom the outcome of field work is handed: the incident or the case that owns the order.

Those rooms lie above this one, so they register themselves here. Not here: what they do with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from server.db import Tx
from server.work.tables import Assignment, WorkOrder

OwnerKind = Literal["incident", "case"]

FactWhat = Literal[
    "offered",
    "acknowledged",
    "departed",
    "arrived",
    "cleared",
    "declined",
    "recalled",
    "expired",
    "first_report",
    "reading",
    "made_safe",
    "source_found",
    "repaired",
    "recheck",
    "nobody_home",
    "address_wrong",
    "completed",
    "not_ready",
    "arrival_judged",
    "refused",
]
"""What a FieldFact can say.

offered … expired: the assignment did this. `acknowledged`, `departed`, `arrived`, `cleared` are
told when first known, and again when a word that came late moves the time *earlier* (`corrects`).
arrival_judged: the verdict on an arrival changed afterwards. refused: a word came for an assignment
that had ended (or broke a rule); it is kept, and people must see it. completed, not_ready: how
planned work ended.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFact:
    """One thing learnt from the field (or done to the assignment), handed over exactly once.

    `at` is business time. Params by `what`:
    all milestones: implied (bool: nobody tapped it), corrects (bool: an earlier time replaces one
    told before), late (bool: told out of order). arrived: qualified (bool; only then may it stop a
    promise), verdict, flags. arrival_judged: verdict, flags. first_report: words, injured,
    lel_max_percent, spread. reading: value, unit, percent_lel, place, flags, counts.
    made_safe: method, words. source_found: cause, words. repaired: words, test_kind, passed,
    value_kpa, duration_minutes. recheck: safe, readings (as in reading). nobody_home,
    address_wrong, cleared: words. declined: reason, words. recalled: reason. refused: verb, code,
    items (what was red or missing).

    Of planned work, once an order each: completed: kind, record (as the crew gave it, see
    `wire_records`). not_ready: reasons, words. Of a case's order nobody_home is told once too.
    """

    what: FactWhat
    at: datetime
    params: dict[str, Any] = field(default_factory=dict)


class WorkOwner(Protocol):
    """What a room must offer to own work orders."""

    async def number(self, tx: Tx, owner_id: UUID) -> str:
        """The owner's number, as crews and dispatchers say it. Raises NotFound."""
        ...

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """Lock the owner's row: always the first lock of a transaction about its work."""
        ...

    async def field_progress(
        self, tx: Tx, order: WorkOrder, assignment: Assignment, fact: FieldFact
    ) -> None:
        """Take one fact, in the transaction that stores it, with owner, order and assignment
        locked and the assignment already as the fact leaves it."""
        ...


_OWNERS: dict[OwnerKind, WorkOwner] = {}


def register_owner(kind: OwnerKind, owner: WorkOwner) -> None:
    """Called once at import by the owning room. Raises RuntimeError when the kind is taken."""
    if kind in _OWNERS:
        raise RuntimeError(f"{kind} is already registered")
    _OWNERS[kind] = owner


def owner_of(order: WorkOrder) -> tuple[WorkOwner, UUID]:
    """The registered owner of an order, and the owner's id.

    Raises LookupError when the owning room was never opened: field work must not be lost silently.
    """
    kind: OwnerKind = "incident" if order.incident_id is not None else "case"
    owner_id = order.incident_id or order.case_id
    assert owner_id is not None, "an order belongs to an incident or a case"
    if kind not in _OWNERS:
        raise LookupError(f"no room has registered as the owner of {kind} work")
    return _OWNERS[kind], owner_id
