"""Which pack a company lives by."""

from __future__ import annotations

from server.access.queries import company
from server.db import Tx
from server.policy.calendar import Calendar, shipped_years
from server.policy.loading import load_pack
from server.policy.wire import Pack


async def pack_of(tx: Tx) -> Pack:
    """The policy pack of the transaction's company.

    Raises PackError (a fault, not a refusal) when the company names a pack that cannot be loaded.
    """
    return load_pack((await company(tx)).policy_pack)


async def calendar(tx: Tx) -> Calendar:
    """The working days of the transaction's company."""
    return Calendar(shipped_years())
