"""Taking fixes in, and keeping days ready for them.

Not here: which crew a phone belongs to (`server.crews`), HTTP, waiting for other phones' batches
(`field_client_api.intake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from server.crews.wire import DutyWindow
from server.db import Tx
from server.tracking import queries, rules
from server.tracking.wire import FixesKept, SentFixes

DAYS_AHEAD = 7

_WIDTHS = (
    ("company_id", "V16"),
    ("phone_id", "V16"),
    ("at", ">i8"),
    ("crew_id", "V16"),
    ("corrected_at", ">i8"),
    ("recorded_at", ">i8"),
    ("clock_offset_s", ">f8"),
    ("lon", ">f8"),
    ("lat", ">f8"),
    ("datum", ">i2"),
    ("accuracy_m", ">f4"),
    ("speed_kmh", ">f4"),
    ("heading_deg", ">f4"),
    ("mock", "?"),
    ("implausible", "?"),
)
"""The columns of `fix_intake`, all of fixed width: PostgreSQL's binary COPY format is then one
array in memory, and a batch is encoded without a loop."""

_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _WIDTHS for part in ((f"{name}_bytes", ">i4"), (name, kind))]
)
_BLANK = np.zeros(1, _ROW)
_BLANK["fields"] = len(_WIDTHS)
for _name, _kind in _WIDTHS:
    _BLANK[f"{_name}_bytes"] = np.dtype(_kind).itemsize

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


@dataclass(frozen=True)
class Batch:
    """What one phone sent at one time."""

    phone_id: UUID
    person_id: UUID
    sent: SentFixes
    recorded_at: datetime
    """Business time at which the request was here."""

    @property
    def offset_s(self) -> float:
        """The phone's clock minus ours, as this sending measures it."""
        return (self.sent.sent_at - self.recorded_at).total_seconds()

    @cached_property
    def columns(self) -> rules.Columns:
        """The fixes as arrays, read once."""
        return rules.columns(self.sent.fixes, self.offset_s, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch, and the crews whose fixes it brought."""

    kept: FixesKept
    crew_ids: frozenset[UUID]


class Collided(Exception):
    """Another process stored some of these very fixes at this very moment; nothing of the
    transaction is stored. Doing it again with `careful` succeeds."""


async def store(
    tx: Tx, batches: Sequence[Batch], windows: Sequence[DutyWindow], *, careful: bool = False
) -> list[Stored]:
    """Store the fixes on duty of several phones of one company; one answer per batch, in order.

    windows: `crews.queries.duty_windows` of the batches' people over the batches' time. A fix
    already known by (phone, phone's time) is not stored twice and counts as accepted. The newest
    believable fix of each crew replaces an older one, never a newer. Raises Collided (unless
    `careful`), after which the transaction is over.
    """
    of_person: dict[UUID, list[DutyWindow]] = {}
    for window in windows:
        of_person.setdefault(window.person_id, []).append(window)
    connection = await queries.driver(tx)
    last = await _last_fixes(tx, connection, batches)
    fresh = not careful and len(last) == len(batches)
    rows: list[np.ndarray[tuple[int], np.dtype[np.void]]] = []
    newest: dict[UUID, rules.Newest] = {}
    answers: list[Stored] = []
    for batch in batches:
        columns = batch.columns
        owners = rules.crews_at(columns.corrected_at, of_person.get(batch.person_id, ()))
        if owners:
            known = last[batch.phone_id]
            new = rules.is_new(columns, known)
            fresh = fresh and new
            doubted = await _doubted(tx, batch, columns, known if new else None, sure=new)
            for crew_id, mine in owners:
                rows.append(_rows(tx.company_id, batch, columns, crew_id, mine, doubted))
                told = rules.newest_of(columns, mine, doubted, batch.phone_id, batch.recorded_at)
                if told is not None and (crew_id not in newest or newest[crew_id].at < told.at):
                    newest[crew_id] = told
        answers.append(_answer(columns, owners))
    if rows:
        async with connection.cursor() as cursor, cursor.copy(queries.COPY_IN) as copy:
            await copy.write(b"".join((_HEADER, *(one.tobytes() for one in rows), _TRAILER)))
        try:
            await queries.take_in(tx, connection, newest, once=not fresh)
        except UniqueViolation as error:
            raise Collided from error
    return answers


async def _last_fixes(
    tx: Tx, connection: AsyncConnection[Any], batches: Sequence[Batch]
) -> dict[UUID, rules.LastFix | None]:
    """What is known of each phone from its batch's time on (None: nothing)."""
    firsts: dict[UUID, datetime] = {}
    lasts: list[int] = []
    for batch in batches:
        at = batch.columns.at
        if len(at):
            first = rules.moment(int(at.min()))
            firsts[batch.phone_id] = min(firsts.get(batch.phone_id, first), first)
            lasts.append(int(at.max()))
    found: dict[UUID, rules.LastFix | None] = {batch.phone_id: None for batch in batches}
    if firsts:
        until = rules.moment(max(lasts))
        found.update(await queries.last_fixes(tx, connection, firsts, until))
    return found


async def _doubted(
    tx: Tx, batch: Batch, columns: rules.Columns, before: rules.LastFix | None, *, sure: bool
) -> rules.Flags:
    """Which fixes cannot be believed; the careful judgement is made only where it may matter.

    sure: `before` is what came before the batch (else that has to be looked up).
    """
    if sure and rules.look_plausible(columns, before):
        return np.zeros(len(columns.at), dtype=np.bool_)
    first = rules.moment(int(columns.at.min()))
    return rules.implausible(columns, await queries.history(tx, batch.phone_id, first))


def _rows(
    company_id: UUID,
    batch: Batch,
    columns: rules.Columns,
    crew_id: UUID,
    mine: rules.Flags,
    doubted: rules.Flags,
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    rows = np.repeat(_BLANK, int(mine.sum()))
    rows["company_id"] = np.void(company_id.bytes)
    rows["phone_id"] = np.void(batch.phone_id.bytes)
    rows["crew_id"] = np.void(crew_id.bytes)
    rows["at"] = columns.at[mine]
    rows["corrected_at"] = columns.corrected_at[mine]
    rows["recorded_at"] = rules.micros(batch.recorded_at)
    rows["clock_offset_s"] = batch.offset_s
    rows["lon"] = columns.lon[mine]
    rows["lat"] = columns.lat[mine]
    rows["datum"] = columns.datum[mine]
    rows["accuracy_m"] = columns.accuracy_m[mine]
    rows["speed_kmh"] = columns.speed_kmh[mine]
    rows["heading_deg"] = columns.heading_deg[mine]
    rows["mock"] = columns.mock[mine]
    rows["implausible"] = doubted[mine]
    return rows


def _answer(columns: rules.Columns, owners: Sequence[tuple[UUID, rules.Flags]]) -> Stored:
    accepted = 0
    newest: int | None = None
    for _, mine in owners:
        accepted += int(mine.sum())
        last = int(columns.at[mine].max())
        newest = last if newest is None else max(newest, last)
    kept = FixesKept(
        accepted=accepted,
        off_duty=len(columns.at) - accepted,
        newest_at=None if newest is None else rules.moment(newest),
    )
    return Stored(kept, frozenset(crew_id for crew_id, _ in owners))


async def prepare_days(tx: Tx, days: int = DAYS_AHEAD) -> int:
    """Make the daily partitions of today and the `days` to come; `migrate` and the watch call it.

    A day not made in time costs nothing but order: its fixes wait in the default partition.
    Returns how many were made.
    """
    return await queries.add_partitions(tx, tx.now.astimezone(UTC).date(), days + 1)
