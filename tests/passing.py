"""Letting days pass in tests of the desks.

Belongs here: moving the clock further than a console session lives, and signing everybody in again.
"""

from __future__ import annotations

from server.access.queries import person
from server.clock import FrozenClock
from server.db import Database
from tests.companies import PeopledCompany, sign_in_without_password


async def pass_time(
    database: Database, company: PeopledCompany, clock: FrozenClock, seconds: float
) -> None:
    """Let `seconds` pass; whoever was signed in at the console signs in again."""
    clock.advance(seconds)
    async with database.begin(company.system) as tx:
        for role, signed_in in list(company.people.items()):
            row = await person(tx, signed_in.person_id)
            company.people[role] = sign_in_without_password(tx, row)
