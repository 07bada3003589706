"""Signing in and out of the console, behind a throttle that the whole deployment shares.

An attempt is counted before the password is looked at and taken back when it was right, so that
any number of attempts at once, in any number of processes, meet the same limit. Hashing happens
between two short transactions: no connection is held while a password is checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from server.access.actions import trace
from server.access.passwords import hash_password, outdated, password_matches
from server.access.queries import company, company_id_for_code, locked_person, person_by_username
from server.access.rules import (
    ADDRESS_THROTTLE,
    FORGOTTEN_AFTER,
    NAME_THROTTLE,
    PASSWORD_MAX,
    SESSION_ABSOLUTE,
    SignInRefused,
    Throttle,
    TooManyAttempts,
    parse_roles,
)
from server.access.tables import Company, ConsoleSession, Person, SignInFailures
from server.access.tokens import digest, new_token
from server.actor import Actor
from server.db import Database, new_id


@dataclass(frozen=True, slots=True)
class Door:
    """One thing attempts are counted by: a name at a company, or a client address."""

    key: bytes
    throttle: Throttle


def name_door(kind: str, company_code: str, name: str) -> Door:
    """The door of one name at one company. kind: what is being tried there (sign-in, pairing)."""
    return Door(_door_key(kind, company_code.strip().lower(), name.strip().lower()), NAME_THROTTLE)


def address_door(address: str) -> Door:
    """The door of one client address, whatever is tried from there."""
    return Door(_door_key("address", address), ADDRESS_THROTTLE)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun. `token` goes into the cookie and is stored nowhere else."""

    token: str
    actor: Actor
    person: Person
    company: Company


async def sign_in(
    database: Database, *, company_code: str, username: str, password: str, address: str
) -> SignedIn:
    """Begin a session for the person with this password.

    address: the client's, as the edge knows it. Raises SignInRefused (which part was wrong is not
    said, and takes equally long) and TooManyAttempts.
    """
    doors = (name_door("sign_in", company_code, username), address_door(address))
    await count_attempt(database, doors)
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, company_code)
    candidate: Person | None = None
    if company_id is not None:
        async with database.begin(Actor.system(company_id, "access")) as tx:
            candidate = await person_by_username(tx, username)
    stored = candidate.password_hash if candidate is not None and candidate.active else None
    # An overlong password is not worth the time of a hash, and says nothing about anybody.
    right = len(password) <= PASSWORD_MAX and await password_matches(password, stored)
    if company_id is None or candidate is None or stored is None or not right:
        raise SignInRefused
    fresh_hash = await hash_password(password) if outdated(stored) else None

    token = new_token(company_id)
    session_id = new_id()
    actor = Actor(
        company_id=company_id,
        kind="person",
        name=candidate.name,
        id=candidate.id,
        roles=parse_roles(candidate.roles),
        session_id=session_id,
    )
    async with database.begin(actor) as tx:
        person = await locked_person(tx, candidate.id)
        if not person.active or person.password_hash != stored:
            # Deactivated, or given a new password, while the old one was being checked.
            raise SignInRefused
        if fresh_hash is not None:
            person.password_hash = fresh_hash
        now = database.clock.wall()
        tx.session.add(
            ConsoleSession(
                id=session_id,
                person_id=person.id,
                token_hash=digest(token),
                address=address,
                started_at=now,
                last_used_at=now,
                ends_at=now + SESSION_ABSOLUTE,
            )
        )
        trace(tx, "signed_in", subject=("person", person.id), params={"address": address})
        await forgive_attempt(tx.session, *doors, now=database.clock.wall())
        its_company = await company(tx)
    return SignedIn(token=token, actor=actor, person=person, company=its_company)


async def sign_out(database: Database, actor: Actor) -> None:
    """End the actor's session; its socket closes within seconds. Idempotent."""
    async with database.begin(actor) as tx:
        await tx.session.execute(
            update(ConsoleSession)
            .where(ConsoleSession.id == actor.session_id, ConsoleSession.ended_at.is_(None))
            .values(ended_at=database.clock.wall())
        )


async def count_attempt(database: Database, doors: tuple[Door, ...]) -> None:
    """Count one attempt at each door, durably. Raises TooManyAttempts if any of them is closed.

    The doors are locked in one order, so that two attempts never wait for each other in a ring.
    """
    now = database.clock.wall()
    waits: list[int] = []
    async with database.companyless() as session:
        for door in sorted(doors, key=lambda door: door.key):
            failures, since = await _count(session, door, now)
            wait = door.throttle.wait_s(failures, since, now)
            if wait is not None:
                waits.append(wait)
    if waits:
        raise TooManyAttempts(retry_after_s=max(waits))


async def forgive_attempt(
    session: AsyncSession, name: Door, address: Door, *, now: datetime
) -> None:
    """Take back one attempt that was right. The name's door is wide open again; the address only
    gets its one attempt back, or one good account would let an address try others for ever.

    Doors that nobody has tried for long are forgotten here, so that guessed names do not pile up.
    """
    await session.execute(
        delete(SignInFailures).where(SignInFailures.window_started_at < now - FORGOTTEN_AFTER)
    )
    await session.execute(delete(SignInFailures).where(SignInFailures.door == name.key))
    await session.execute(
        update(SignInFailures)
        .where(SignInFailures.door == address.key, SignInFailures.failures > 0)
        .values(failures=SignInFailures.failures - 1)
    )


async def _count(session: AsyncSession, door: Door, now: datetime) -> tuple[int, datetime]:
    window_over = SignInFailures.window_started_at <= now - door.throttle.window
    statement = insert(SignInFailures).values(door=door.key, failures=1, window_started_at=now)
    row = (
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[SignInFailures.door],
                set_={
                    "failures": case((window_over, 1), else_=SignInFailures.failures + 1),
                    "window_started_at": case(
                        (window_over, now), else_=SignInFailures.window_started_at
                    ),
                },
            ).returning(SignInFailures.failures, SignInFailures.window_started_at)
        )
    ).one()
    return row.failures, row.window_started_at


def _door_key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
