"""Pairing and revoking phones.

A pairing code is issued to one person, read aloud or shown once, works once within ten minutes,
and is tried behind the same throttle as a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from server.access.actions import trace
from server.access.queries import (
    company_id_for_code,
    locked_pairing,
    locked_person,
    locked_phone,
)
from server.access.rules import PAIRING_LIFETIME, PairingRefused, PersonInactive
from server.access.sign_in import address_door, count_attempt, forgive_attempt, name_door
from server.access.tables import Person, Phone, PhonePairing
from server.access.tokens import digest, new_pairing_code, new_token, tidy_pairing_code
from server.actor import Actor, Role
from server.db import Database, Tx, new_id


@dataclass(frozen=True, slots=True)
class Pairing:
    """A code just issued; it is stored only as a hash."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PairedPhone:
    """A phone just paired. `token` is its bearer token, stored nowhere else."""

    token: str
    phone_id: UUID
    actor: Actor
    person: Person


async def issue_pairing(tx: Tx, person_id: UUID) -> Pairing:
    """Issue a code for a crew member's phone; earlier unused codes of the person stop working.

    Raises NotFound, PersonInactive (also for somebody who is no crew member).
    """
    person = await locked_person(tx, person_id)
    if not person.active or Role.CREW_MEMBER.value not in person.roles:
        raise PersonInactive
    now = tx.clock.wall()
    await tx.session.execute(
        update(PhonePairing)
        .where(
            PhonePairing.person_id == person_id,
            PhonePairing.used_at.is_(None),
            PhonePairing.expires_at > now,
        )
        .values(expires_at=now)
    )
    pairing = Pairing(code=new_pairing_code(), expires_at=now + PAIRING_LIFETIME)
    tx.session.add(
        PhonePairing(
            id=new_id(),
            person_id=person_id,
            code_hash=digest(pairing.code),
            created_by=tx.actor.id,
            created_at=now,
            expires_at=pairing.expires_at,
        )
    )
    trace(tx, "issued_pairing", subject=("person", person_id))
    return pairing


async def pair_phone(
    database: Database, *, company_code: str, code: str, device_name: str, address: str
) -> PairedPhone:
    """Turn a valid code into a paired phone, once. Raises PairingRefused and TooManyAttempts."""
    # The name here is the address: one address may not guess at one company's codes for long.
    doors = (name_door("pair", company_code, address), address_door(address))
    await count_attempt(database, doors)
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, company_code)
    if company_id is None:
        raise PairingRefused
    async with database.begin(Actor.system(company_id, "pairing")) as tx:
        now = tx.clock.wall()
        pairing = await locked_pairing(tx, tidy_pairing_code(code))
        if pairing is None or pairing.used_at is not None or now >= pairing.expires_at:
            raise PairingRefused
        person = await locked_person(tx, pairing.person_id)
        if not person.active or Role.CREW_MEMBER.value not in person.roles:
            raise PairingRefused
        token = new_token(company_id)
        phone = await add_phone(tx, person, token, device_name)
        pairing.used_at = now
        pairing.phone_id = phone.id
        await forgive_attempt(tx.session, *doors, now=database.clock.wall())
    actor = Actor(
        company_id=company_id,
        kind="phone",
        name=person.name,
        id=person.id,
        roles=frozenset({Role.CREW_MEMBER}),
        phone_id=phone.id,
    )
    return PairedPhone(token=token, phone_id=phone.id, actor=actor, person=person)


async def add_phone(tx: Tx, person: Person, token: str, device_name: str) -> Phone:
    """Store a phone whose token the caller made with `new_token` (pairing; the drill's crews)."""
    now = tx.clock.wall()
    phone = Phone(
        id=new_id(),
        person_id=person.id,
        device_name=" ".join(device_name.split())[:100] or "?",
        token_hash=digest(token),
        paired_at=now,
        last_used_at=now,
    )
    tx.session.add(phone)
    trace(
        tx,
        "paired_phone",
        subject=("phone", phone.id),
        params={"person_id": str(person.id), "device_name": phone.device_name},
    )
    await tx.session.flush()
    return phone


async def revoke_phone(tx: Tx, phone_id: UUID, reason: str | None = None) -> None:
    """End a phone's token; its socket closes within seconds. Idempotent. Raises NotFound."""
    phone = await locked_phone(tx, phone_id)
    if phone.revoked_at is None:
        phone.revoked_at = tx.clock.wall()
        trace(tx, "revoked_phone", subject=("phone", phone_id), reason=reason)
