"""What reckoning again reads and writes: many clocks a statement.

Not here: what comes of it (`actions_reckoning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from server.db import Tx
from server.policy.queries import reckoning_since
from server.policy.tables import CalendarReckoning
from server.policy.wire import Clause

FIRST_ID = UUID(int=0)


class ClockRow(NamedTuple):
    """One clock a change of the calendar may move."""

    id: UUID
    subject_kind: str
    subject_id: UUID
    case_id: UUID | None
    number: int
    clause_hash: int
    """Many clocks share one clause, which is read once."""
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
    SELECT c.id, c.subject_kind, c.subject_id, c.case_id, c.number,
           jsonb_hash_extended(c.clause, 0),
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
    SET due_at = n.due_at, target_at = n.target_at, warn_at = n.warn_at, state = n.state,
        unknown_year = n.unknown_year, next_mark_at = n.next_mark_at,
        arithmetic_zh = n.arithmetic_zh, arithmetic_en = n.arithmetic_en, version = c.version + 1
    FROM json_to_recordset(CAST(:rows AS json)) AS n (
        id uuid, due_at timestamptz, target_at timestamptz, warn_at timestamptz[], state text,
        unknown_year integer, next_mark_at timestamptz, arithmetic_zh text, arithmetic_en text
    )
    WHERE c.id = n.id
    """
)


async def under_way(tx: Tx) -> bool:
    """Whether a change of the calendar has left clocks to reckon again."""
    return await reckoning_since(tx) is not None


async def locked_progress(tx: Tx) -> CalendarReckoning | None:
    """How far reckoning again has come, locked; None when nothing is left."""
    return await tx.session.scalar(
        select(CalendarReckoning).with_for_update().execution_options(populate_existing=True)
    )


async def begin_progress(tx: Tx) -> None:
    """Every clock is to be reckoned again, whatever an earlier change has come to."""
    values = {"since": tx.now, "after": FIRST_ID}
    await tx.session.execute(
        insert(CalendarReckoning)
        .values(values)
        .on_conflict_do_update(index_elements=[CalendarReckoning.company_id], set_=values)
    )


async def chunk(tx: Tx, after: UUID, limit: int) -> list[ClockRow]:
    """The next clocks after `after`, in the order of their ids, locked."""
    rows = await tx.session.execute(_READ, {"after": after, "limit": limit})
    return [ClockRow._make(row) for row in rows]


async def clause_of(tx: Tx, clock_id: UUID) -> Clause:
    """The clause a clock runs under, as it read when the clock began."""
    found = await tx.session.scalar(
        text("SELECT clause::text FROM clocks WHERE id = :id"), {"id": clock_id}
    )
    return msgspec.json.decode(str(found), type=Clause)


async def store(tx: Tx, moved: Sequence[Moved]) -> None:
    """Write many clocks by one statement."""
    await tx.session.execute(_WRITE, {"rows": msgspec.json.encode(moved).decode()})
