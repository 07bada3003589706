"""Companies peopled for tests: one person for each role, signed in, and a paired phone.

Belongs here: rows that nearly every test of the API needs. Does not belong here: anything of an
incident, a crew or a place (the conftest of the folder that needs it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import httpx
from litestar import Litestar

from infra.cluster import DatabaseAddress
from server.access.actions import create_company, create_person
from server.access.authentication import COOKIE, CSRF_HEADER
from server.access.phones import add_phone
from server.access.rules import SESSION_ABSOLUTE, parse_roles
from server.access.tables import ConsoleSession, Person
from server.access.tokens import csrf_token, digest, new_token
from server.actor import Actor, Role
from server.clock import Clock, FrozenClock
from server.db import Database, Tx, new_id
from server.rooms import open_rooms
from server.settings import Settings

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
"""Noon in Guizhou on a Saturday."""


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """Somebody with a console session, made without the slow password."""

    actor: Actor
    token: str

    @property
    def person_id(self) -> UUID:
        assert self.actor.id is not None
        return self.actor.id

    @property
    def headers(self) -> dict[str, str]:
        """What a browser and the console's script would send."""
        return {"cookie": f"{COOKIE}={self.token}", CSRF_HEADER: csrf_token(self.token)}


@dataclass(frozen=True, slots=True)
class CarriedPhone:
    """A crew member's paired phone."""

    actor: Actor
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What the phone sends."""
        return {"authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class PeopledCompany:
    """A company with one signed-in person for each role, and the crew member's phone."""

    id: UUID
    code: str
    people: dict[Role, SignedInPerson]
    phone: CarriedPhone

    @property
    def system(self) -> Actor:
        """The system itself, inside this company."""
        return Actor.system(self.id)


def database_at(address: DatabaseAddress, clock: Clock | None = None) -> Database:
    """The application's own way into a test database; the caller disposes of it."""
    open_rooms()
    return Database(
        Settings(database_url=address.app_url, owner_url=address.owner_url, pool_size=4),
        clock or FrozenClock(NOON),
    )


def browser(app: Litestar, address: str = "198.51.100.7") -> httpx.AsyncClient:
    """Something that asks `app` from `address` over https and keeps no cookies by itself."""
    # Litestar's and httpx's words for the same ASGI callable differ.
    transport = httpx.ASGITransport(cast(Any, app), client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="https://desk.example")


def sign_in_without_password(tx: Tx, person: Person) -> SignedInPerson:
    """A console session of `person`, stored in the caller's transaction."""
    token = new_token(tx.company_id)
    now = tx.clock.wall()
    session_id = new_id()
    tx.session.add(
        ConsoleSession(
            id=session_id,
            person_id=person.id,
            token_hash=digest(token),
            address="192.0.2.1",
            started_at=now,
            last_used_at=now,
            ends_at=now + SESSION_ABSOLUTE,
        )
    )
    actor = Actor(
        company_id=tx.company_id,
        kind="person",
        name=person.name,
        id=person.id,
        roles=parse_roles(person.roles),
        session_id=session_id,
    )
    return SignedInPerson(actor, token)


async def people_company(
    database: Database, code: str = "anshun", policy_pack: str = "default"
) -> PeopledCompany:
    """Found a company and let one person of each role (user name = role) sign in."""
    company_id = await create_company(
        database, code=code, name_zh="长明燃气", name_en="Changming Gas", policy_pack=policy_pack
    )
    async with database.begin(Actor.system(company_id)) as tx:
        rows = {
            role: await create_person(tx, username=role.value, name=f"{role.value}甲", roles=[role])
            for role in Role
        }
        people = {role: sign_in_without_password(tx, row) for role, row in rows.items()}
        carrier = rows[Role.CREW_MEMBER]
        token = new_token(company_id)
        phone = await add_phone(tx, carrier, token, "测试手机")
    actor = Actor(
        company_id=company_id,
        kind="phone",
        name=carrier.name,
        id=carrier.id,
        roles=frozenset({Role.CREW_MEMBER}),
        phone_id=phone.id,
    )
    return PeopledCompany(company_id, code, people, CarriedPhone(actor, token))
