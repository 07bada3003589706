"""What promises ask of the rooms below: to be told when the calendar changes."""

from __future__ import annotations

from server.db import Tx
from server.policy.changes import on_calendar_change
from server.promises.actions_reckoning import begin_reckoning


@on_calendar_change
async def reckon_by_new_calendar(tx: Tx) -> None:
    """Every clock the calendar may move is reckoned again; of many, the rest by the watch."""
    await begin_reckoning(tx)
