"""Every SELECT of companies, people, sessions and phones, and who a secret proves somebody to be.

Not here: writing anything but the coarse "last used" mark that proving an identity leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.access.rules import USE_NOTED_EVERY, parse_roles, session_over
from server.access.tables import (
    AccessTrace,
    Company,
    ConsoleSession,
    Person,
    Phone,
    PhonePairing,
    SignInFailures,
)
from server.access.tokens import company_of, digest
from server.actor import Actor, Role
from server.db import Database, Tx
from server.refusal import NotFound


async def company_id_for_code(session: AsyncSession, code: str) -> UUID | None:
    """The company a sign-in screen's code belongs to; the only thing readable before one is known.

    session: from `Database.companyless()`.
    """
    found: UUID | None = await session.scalar(
        text("SELECT company_id_for_code(:code)"), {"code": code.strip().lower()}
    )
    return found


async def company_ids(session: AsyncSession) -> list[UUID]:
    """Every company of the deployment, for the watch and for commands that serve them all."""
    return list(await session.scalars(text("SELECT company_ids()")))


async def company(tx: Tx) -> Company:
    """The transaction's company. Raises NotFound when there is none of that id."""
    row = await tx.session.get(Company, tx.company_id)
    if row is None:
        raise NotFound(what="company")
    remember_company(tx, row)
    return row


def remember_company(tx: Tx, row: Company) -> None:
    """Keep the company's row to the end of the transaction: a session forgets what nobody holds,
    and every room asks for this one."""
    tx.session.info["company"] = row


async def person(tx: Tx, person_id: UUID) -> Person:
    """A person of the company. Raises NotFound."""
    row = await tx.session.get(Person, (tx.company_id, person_id))
    if row is None:
        raise NotFound(what="person")
    return row


async def locked_person(tx: Tx, person_id: UUID) -> Person:
    """A person, locked against concurrent administration. Raises NotFound."""
    row = await tx.session.get(
        Person, (tx.company_id, person_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="person")
    return row


async def people(tx: Tx) -> Sequence[Person]:
    """Everybody of the company, the active first, by user name."""
    rows = await tx.session.scalars(select(Person).order_by(~Person.active, Person.username))
    return rows.all()


async def person_by_username(tx: Tx, username: str) -> Person | None:
    """The person with this user name (in any case), active or not."""
    rows = await tx.session.scalars(
        select(Person).where(Person.username == username.strip().lower())
    )
    return rows.one_or_none()


async def lock_administrators(tx: Tx) -> list[UUID]:
    """Ids of all who can administer the company, locked in order so that two administrators
    cannot each remove the other as the second last."""
    rows = await tx.session.scalars(
        select(Person.id)
        .where(
            Person.active,
            Person.password_hash.is_not(None),
            Person.roles.contains([Role.ADMINISTRATOR.value]),
        )
        .order_by(Person.id)
        .with_for_update()
    )
    return list(rows)


async def phones(tx: Tx) -> list[tuple[Phone, Person]]:
    """All phones ever paired with their people, the newest first."""
    rows = await tx.session.execute(
        select(Phone, Person)
        .join(Person, Person.id == Phone.person_id)
        .order_by(Phone.paired_at.desc(), Phone.id)
    )
    return [(phone, owner) for phone, owner in rows]


async def locked_phone(tx: Tx, phone_id: UUID) -> Phone:
    """A phone, locked. Raises NotFound."""
    row = await tx.session.get(
        Phone, (tx.company_id, phone_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="phone")
    return row


async def locked_pairing(tx: Tx, code: str) -> PhonePairing | None:
    """The pairing of a tidy code, locked; None when there is none (used ones are found too)."""
    rows = await tx.session.scalars(
        select(PhonePairing)
        .where(PhonePairing.code_hash == digest(code))
        .order_by(PhonePairing.created_at.desc())
        .limit(1)
        .with_for_update()
    )
    return rows.one_or_none()


async def failures_at(session: AsyncSession, door: bytes) -> SignInFailures | None:
    """What is known of vain attempts at a door."""
    return await session.get(SignInFailures, door)


async def traces(tx: Tx, limit: int) -> Sequence[AccessTrace]:
    """The newest traces of access, newest first."""
    rows = await tx.session.scalars(
        select(AccessTrace).order_by(AccessTrace.at.desc(), AccessTrace.id.desc()).limit(limit)
    )
    return rows.all()


_SESSION_OF = text("SELECT * FROM session_of(:company, :token)")
_PHONE_OF = text("SELECT * FROM phone_of(:company, :token)")
"""Asked by every request, so each is one round trip: a transaction of one statement."""


async def identify_session(database: Database, cookie: str) -> Actor | None:
    """Whom a session cookie proves: a person of one company; None if it proves nobody (any more).

    No connection is held when it returns.
    """
    company_id = company_of(cookie)
    if company_id is None:
        return None
    now = database.clock.wall()
    found = await database.ask(_SESSION_OF, {"company": company_id, "token": digest(cookie)})
    if found is None or session_over(
        last_used_at=found.last_used_at, ends_at=found.ends_at, now=now
    ):
        return None
    if now - found.last_used_at >= USE_NOTED_EVERY:
        await _note_use(database, company_id, ConsoleSession, found.session_id)
    return Actor(
        company_id=company_id,
        kind="person",
        name=found.person_name,
        id=found.person_id,
        roles=parse_roles(found.person_roles),
        session_id=found.session_id,
    )


async def identify_phone(database: Database, bearer: str) -> Actor | None:
    """Whom a phone's bearer token proves; None if it proves nobody (any more).

    The actor has the person's name and id, and the phone's id. Its roles are CREW_MEMBER alone,
    whatever else the person may do at a desk: a lost phone must not open the console.
    """
    company_id = company_of(bearer)
    if company_id is None:
        return None
    found = await database.ask(_PHONE_OF, {"company": company_id, "token": digest(bearer)})
    if found is None:
        return None
    if database.clock.wall() - found.last_used_at >= USE_NOTED_EVERY:
        await _note_use(database, company_id, Phone, found.phone_id)
    return Actor(
        company_id=company_id,
        kind="phone",
        name=found.person_name,
        id=found.person_id,
        roles=frozenset({Role.CREW_MEMBER}),
        phone_id=found.phone_id,
    )


async def _note_use(
    database: Database, company_id: UUID, kept: type[ConsoleSession | Phone], id_: UUID
) -> None:
    """It was used now. Two requests at once leave the later of their times."""
    async with database.begin(Actor.system(company_id, "access")) as tx:
        now = tx.clock.wall()
        await tx.session.execute(
            update(kept)
            .where(kept.id == id_)
            .values(last_used_at=func.greatest(kept.last_used_at, now))
        )


async def still_live(
    tx: Tx, *, sessions: Collection[UUID], phones: Collection[UUID]
) -> dict[UUID, frozenset[Role]]:
    """Of these sessions and phones, the ones that still prove somebody, with the roles they prove.

    Marks the sessions as used: an open live screen is use.
    """
    now = tx.clock.wall()
    live: dict[UUID, frozenset[Role]] = {}
    if sessions:
        rows = await tx.session.execute(
            select(
                ConsoleSession.id,
                ConsoleSession.last_used_at,
                ConsoleSession.ends_at,
                Person.roles,
            )
            .join(Person, Person.id == ConsoleSession.person_id)
            .where(
                ConsoleSession.id.in_(sessions), ConsoleSession.ended_at.is_(None), Person.active
            )
        )
        stale: list[UUID] = []
        for row in rows:
            if session_over(last_used_at=row.last_used_at, ends_at=row.ends_at, now=now):
                continue
            live[row.id] = parse_roles(row.roles)
            if now - row.last_used_at >= USE_NOTED_EVERY:
                stale.append(row.id)
        if stale:
            await tx.session.execute(
                update(ConsoleSession)
                .where(ConsoleSession.id.in_(stale))
                .values(last_used_at=func.greatest(ConsoleSession.last_used_at, now))
            )
    if phones:
        found = await tx.session.scalars(
            select(Phone.id)
            .join(Person, Person.id == Phone.person_id)
            .where(
                Phone.id.in_(phones),
                Phone.revoked_at.is_(None),
                Person.active,
                Person.roles.contains([Role.CREW_MEMBER.value]),
            )
        )
        live.update((phone_id, frozenset({Role.CREW_MEMBER})) for phone_id in found)
    return live
