"""What a promise is about when it is no incident."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from server.policy.wire import SubjectKind


@dataclass(frozen=True, slots=True)
class Subject:
    """A case, lead, deferral, issue, outage or routine, by its id."""

    kind: SubjectKind
    id: UUID
