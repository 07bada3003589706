"""What reckoning again reads and writes: many clocks a statement.

Not here: what comes of it (`actions_reckoning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import text

from server.db import Tx


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock a change of the calendar may move."""

    id: UUID
    subject_kind: str
    subject_id: UUID
    case_id: UUID | None
    number: int
    clause: str
    """JSON: many clocks share one text, which is decoded once."""
    started_at: datetime
    due_at: datetime | None
    target_at: datetime | None
    warn_at: list[datetime]
    stopped_at: datetime | None
    state: str
    unknown_year: int | None
    alarmed: str | None
    opens: time | None
    """Null: an incident's, reckoned by the pack's hours."""
    closes: time | None
    plain: bool
    """Nothing but its start and its clause decide: no pauses, no stretches."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A clock as it is from now on."""

    id: UUID
    due_at: datetime | None
    target_at: datetime | None
    warn_at: tuple[datetime, ...]
    state: str
    unknown_year: int | None
    next_mark_at: datetime | None
    arithmetic_zh: str
    arithmetic_en: str


_READ = text(
    """
    SELECT c.id, c.subject_kind, c.subject_id, c.case_id, c.number, c.clause::text,
           c.started_at, c.due_at, c.target_at, c.warn_at, c.stopped_at, c.state, c.unknown_year,
           c.alarmed, t.opens, t.closes,
           c.spent IS NULL AND NOT (
               c.clause -> 'pauses' <> '[]'::jsonb AND EXISTS (
                   SELECT 1 FROM promise_pauses p
                   WHERE p.subject_kind = c.subject_kind AND p.subject_id = c.subject_id
               )
           )
    FROM clocks c LEFT JOIN promise_terms t ON t.company_id = c.company_id AND t.id = c.terms_id
    WHERE c.by_calendar AND (c.state = 'running' OR c.unknown_year IS NOT NULL)
      AND c.state <> 'cancelled' AND c.id > :after
    ORDER BY c.id LIMIT :limit
    FOR UPDATE OF c
    """
)

_WRITE = text(
    """
    UPDATE clocks c
    SET due_at = n.due_at, target_at = n.target_at, warn_at = n.warn_at::timestamptz[],
        state = n.state, unknown_year = n.unknown_year, next_mark_at = n.next_mark_at,
        arithmetic_zh = n.zh, arithmetic_en = n.en, version = c.version + 1
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:dues AS timestamptz[]), CAST(:targets AS timestamptz[]),
        CAST(:warns AS text[]), CAST(:states AS text[]), CAST(:years AS integer[]),
        CAST(:marks AS timestamptz[]), CAST(:zhs AS text[]), CAST(:ens AS text[])
    ) AS n (id, due_at, target_at, warn_at, state, unknown_year, next_mark_at, zh, en)
    WHERE c.id = n.id
    """
)


async def chunk(tx: Tx, after: UUID, limit: int) -> list[ClockRow]:
    """The next clocks after `after`, in the order of their ids, locked."""
    rows = await tx.session.execute(_READ, {"after": after, "limit": limit})
    return [ClockRow(*row) for row in rows]


async def store(tx: Tx, moved: Sequence[Moved]) -> None:
    """Write many clocks by one statement."""
    await tx.session.execute(
        _WRITE,
        {
            "ids": [one.id for one in moved],
            "dues": [one.due_at for one in moved],
            "targets": [one.target_at for one in moved],
            "warns": ["{" + ",".join(at.isoformat() for at in one.warn_at) + "}" for one in moved],
            "states": [one.state for one in moved],
            "years": [one.unknown_year for one in moved],
            "marks": [one.next_mark_at for one in moved],
            "zhs": [one.arithmetic_zh for one in moved],
            "ens": [one.arithmetic_en for one in moved],
        },
    )
