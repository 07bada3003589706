"""Pure rules of the live picture: who sees which kinds, and how far behind is too far.

Not here: encoding, sockets, SQL.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from server.actor import Role
from server.refusal import Refusal

DESK_KINDS = frozenset(
    {
        "incident",
        "call",
        "work_order",
        "assignment",
        "clock",
        "crew",
        "alarm",
        "timeline",
        "closure",
    }
)
"""What the feed carries for desks; changes for one crew's phones are no desk's business."""

BUSINESS_KINDS = frozenset({"case", "lead", "issue", "outage", "calendar"})
"""What the feed carries for the business pages, applicants masked. No snapshot holds them: a page
asks for its list, and hears of changes."""

KINDS_BY_ROLE: dict[Role, frozenset[str]] = {
    Role.DISPATCHER: DESK_KINDS | BUSINESS_KINDS,
    Role.SUPERVISOR: DESK_KINDS | BUSINESS_KINDS,
    Role.OPERATOR: DESK_KINDS | BUSINESS_KINDS,
    Role.AUDITOR: DESK_KINDS | BUSINESS_KINDS,
    Role.ADMINISTRATOR: frozenset({"crew", "closure"}),
    Role.ACCOUNT_MANAGER: BUSINESS_KINDS,
    Role.CONTRACTOR: frozenset(),
    Role.CREW_MEMBER: frozenset(),
}
"""Need to know: names and words of callers go only to those who act on them or audit it."""

POSITION_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.OPERATOR})
"""Who sees where crews are now. A track of movement is sensitive personal information (PIPL
art. 28), so it is for those who send, answer for, or speak for the crews, and nobody else."""

POSITION_KEPT = timedelta(hours=12)
"""An older fix is of another shift and says nothing about where a crew is (business time)."""

CATCH_UP_LIMIT = 5000
"""Changes a client may be behind and still be brought up one by one; beyond, a snapshot is less."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who is sent the very same bytes: desks that see `kinds`, or one crew's phones."""

    kinds: frozenset[str] = frozenset()
    crew_id: UUID | None = None
    positions: bool = False

    def sees(self, kind: str, crew_id: UUID | None) -> bool:
        """Whether a change of `kind`, limited to `crew_id` or to nobody, is for them."""
        if self.crew_id is not None:
            return crew_id == self.crew_id
        return crew_id is None and kind in self.kinds


def desk_audience(roles: Collection[Role]) -> Audience:
    """What somebody with these roles sees at a desk: the union of what each role sees."""
    kinds = frozenset[str]().union(*(KINDS_BY_ROLE[role] for role in roles))
    return Audience(kinds=kinds, positions=not POSITION_ROLES.isdisjoint(roles))


def crew_audience(crew_id: UUID) -> Audience:
    """What the phones of one crew see."""
    return Audience(crew_id=crew_id)


class FeedUnavailable(Refusal):
    """The process cannot read the feed now; the client should come back."""

    code = "feed_unavailable"
    status = 503
    zh = "实时数据暂时不可用，请稍后重连"
    en = "Live data is not available now; please reconnect."
