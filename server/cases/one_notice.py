"""The one-time notice (一次性告知): what a case's customer is told is missing, and the form it is
told by. Whoever issues that form, a step or a hand, tells through here.

Not here: what may be told (`papers`), issuing (`moving`, `actions_change`).
"""

from __future__ import annotations

from typing import Any

from server.cases.filling import documents_of
from server.cases.tables import Case
from server.db import Tx
from server.papers import actions as papers
from server.papers import queries as paper_queries
from server.policy.wire import Pack


def tells_gaps(pack: Pack, form_id: str) -> bool:
    """Whether the pack's form is the one-time notice."""
    return any(one.id == form_id and one.tells_gaps for one in pack.forms)


async def told_by_form(tx: Tx, row: Case, words: str) -> dict[str, Any]:
    """Record what the notice tells and give what it lists.

    Papers that «do not agree» are rejected by nobody yet: the words written then stand on the form
    as reasons, and the list stays what the checklist says. Raises GapsAlreadyNotified.
    """
    told = await papers.notify_by_form(tx, row.id, words)
    values: dict[str, Any] = {
        "documents": await documents_of(tx, row),
        "complete": not (await paper_queries.gaps(tx, row.id)).missing,
    }
    if words:
        values["reasons"] = [words]
    earlier = await paper_queries.notices(tx, row.id)
    if told is None and earlier:
        values["told_at"] = earlier[-1].at.isoformat()
    return values
