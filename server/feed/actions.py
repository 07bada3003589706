"""Announcing changes: `touch` while acting, one numbered append at the very end.

Representations are built once per transaction, after everything is flushed, by functions that the
owning rooms register with `represents`. Not here: who receives them (`server.live`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from server.db import Tx, new_id
from server.feed.representing import REPRESENTERS, Kind
from server.feed.tables import FeedChange, FeedCounter, TimelineEntry

CHANNEL = "changming_feed"
"""NOTIFY channel; the payload is `<company id>:<seq>`, never the change itself."""


def touch(tx: Tx, kind: Kind, subject_id: UUID) -> None:
    """Mark a thing as changed in this transaction; its final state enters the feed at commit."""
    if not tx.touched:
        tx.closing.append(append)
    tx.touched[kind, subject_id] = None


def note(
    tx: Tx,
    verb: str,
    *,
    incident_id: UUID | None = None,
    case_id: UUID | None = None,
    subject: tuple[str, UUID | None] | None = None,
    at: datetime | None = None,
    params: dict[str, Any] | None = None,
) -> UUID:
    """Write one line of the timeline, as done by the transaction's actor. Returns its id.

    at: when it happened, if not now. params: plain JSON values the sentence needs. A line of a case
    alone is read on the case's page and does not travel in the feed: the case itself does.
    """
    entry_id = new_id()
    own = ("case", case_id) if incident_id is None and case_id else ("incident", incident_id)
    kind, subject_id = subject or own
    tx.session.add(
        TimelineEntry(
            id=entry_id,
            incident_id=incident_id,
            case_id=case_id,
            subject_kind=kind,
            subject_id=subject_id,
            at=at or tx.now,
            recorded_at=tx.now,
            actor_kind=tx.actor.kind,
            actor_id=tx.actor.id,
            actor_name=tx.actor.name,
            verb=verb,
            params=msgspec.to_builtins(params or {}, builtin_types=()),
        )
    )
    if case_id is None or incident_id is not None:
        touch(tx, Kind.TIMELINE, entry_id)
    return entry_id


async def append(tx: Tx) -> None:
    """Number and store every touched thing, then ring the bell. Runs last before the commit.

    The counter row is locked here and nowhere else, after every other lock, and *before* anything
    is represented: two transactions that show the same thing (a crew and its assignments) would
    otherwise number an older picture above a newer one.
    """
    await tx.session.flush()
    ids_by_kind: dict[Kind, list[UUID]] = defaultdict(list)
    for kind, subject_id in tx.touched:
        ids_by_kind[kind].append(subject_id)
    before = await tx.session.scalar(
        insert(FeedCounter)
        .values(seq=0)
        .on_conflict_do_update(
            index_elements=[FeedCounter.company_id], set_={"seq": FeedCounter.seq}
        )
        .returning(FeedCounter.seq)
    )
    assert before is not None
    changes: list[dict[str, Any]] = []
    for kind, ids in ids_by_kind.items():
        for item in await REPRESENTERS[kind](tx, ids):
            changes.append(
                {
                    "seq": before + len(changes) + 1,
                    "kind": kind.value,
                    "subject_id": item.id,
                    "subject_version": item.version,
                    "body": None if item.body is None else msgspec.json.encode(item.body),
                    "crew_id": item.crew_id,
                    "recorded_at": tx.now,
                }
            )
    if not changes:
        return
    last = before + len(changes)
    await tx.session.execute(insert(FeedChange), changes)
    # The bell rings at the commit, wherever in the transaction it is pulled.
    await tx.session.execute(
        update(FeedCounter)
        .values(seq=last)
        .returning(func.pg_notify(CHANNEL, f"{tx.company_id}:{last}"))
    )
