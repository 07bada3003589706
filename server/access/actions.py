"""Companies and people: every write of them, and the traces that administration leaves.

Not here: signing in and out (`sign_in`), phones (`phones`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import update

from server.access.passwords import hash_password
from server.access.queries import (
    company_id_for_code,
    lock_administrators,
    locked_person,
    person_by_username,
)
from server.access.rules import (
    CompanyCodeTaken,
    LastAdministrator,
    UsernameTaken,
    check_password,
)
from server.access.tables import AccessTrace, Company, ConsoleSession, Person
from server.actor import Actor, Role
from server.db import Database, Tx, new_id
from server.refusal import Invalid


def trace(
    tx: Tx,
    verb: str,
    *,
    subject: tuple[str, UUID | None],
    reason: str | None = None,
    params: dict[str, Any] | None = None,
) -> None:
    """Write down that the transaction's actor looked behind a mask or changed who may come in.

    verb: a stable word in the past tense. params: plain JSON, never a secret and never the
    unmasked value itself.
    """
    kind, subject_id = subject
    tx.session.add(
        AccessTrace(
            id=new_id(),
            at=tx.clock.wall(),
            actor_kind=tx.actor.kind,
            actor_id=tx.actor.id,
            actor_name=tx.actor.name,
            verb=verb,
            subject_kind=kind,
            subject_id=subject_id,
            reason=reason,
            params=params or {},
        )
    )


async def create_company(
    database: Database,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    policy_pack: str = "default",
    time_zone: str = "Asia/Shanghai",
    company_id: UUID | None = None,
) -> UUID:
    """Found a company; the deployment's owner does this by command, never a request.

    Opens its own transaction, because no actor belongs to a company that is not there yet. Returns
    the company's id. Raises CompanyCodeTaken.
    """
    code = code.strip().lower()
    async with database.companyless() as session:
        # Two commands racing past this look still meet the unique index.
        if await company_id_for_code(session, code) is not None:
            raise CompanyCodeTaken(code=code)
    founded = company_id or new_id()
    async with database.begin(Actor.system(founded, "founding")) as tx:
        tx.session.add(
            Company(
                id=founded,
                code=code,
                name_zh=name_zh,
                name_en=name_en,
                time_zone=time_zone,
                policy_pack=policy_pack,
                created_at=database.clock.wall(),
            )
        )
    return founded


async def create_person(
    tx: Tx,
    *,
    username: str,
    name: str,
    roles: Collection[Role],
    password_hash: str | None = None,
    person_id: UUID | None = None,
) -> Person:
    """Add somebody to the transaction's company, with a sign-in when a hash is given.

    password_hash: from `new_password_hash`, made before the transaction, because hashing is slow.
    Raises UsernameTaken, Invalid.
    """
    username = _tidy_username(username)
    name = _tidy_name(name)
    if await person_by_username(tx, username) is not None:
        raise UsernameTaken(username=username)
    person = Person(
        id=person_id or new_id(),
        username=username,
        name=name,
        roles=_stored(roles),
        password_hash=password_hash,
        active=True,
        created_at=tx.clock.wall(),
    )
    tx.session.add(person)
    trace(
        tx,
        "created_person",
        subject=("person", person.id),
        params={"username": username, "roles": person.roles},
    )
    await tx.session.flush()
    return person


async def new_password_hash(password: str, username: str) -> str:
    """The hash of an allowed password. Raises PasswordWeak. Takes a tenth of a second, off the
    event loop; call it before the transaction opens.
    """
    check_password(password, _tidy_username(username))
    return await hash_password(password)


async def change_person(
    tx: Tx,
    person_id: UUID,
    *,
    name: str | None = None,
    roles: Collection[Role] | None = None,
    active: bool | None = None,
) -> Person:
    """Change a person's name, roles or whether they may come in at all; None leaves as it is.

    Deactivating ends the person's sessions at once. Raises NotFound, LastAdministrator, Invalid.
    """
    administrators = await lock_administrators(tx)
    person = await locked_person(tx, person_id)
    stays = (person.active if active is None else active) and (
        Role.ADMINISTRATOR.value in (person.roles if roles is None else _stored(roles))
    )
    if administrators == [person_id] and not stays:
        raise LastAdministrator
    changed: dict[str, Any] = {}
    if name is not None and _tidy_name(name) != person.name:
        changed["name"] = person.name = _tidy_name(name)
    if roles is not None and _stored(roles) != person.roles:
        changed["roles"] = person.roles = _stored(roles)
    if active is not None and active != person.active:
        changed["active"] = person.active = active
    if changed:
        trace(tx, "changed_person", subject=("person", person_id), params=changed)
    if active is False:
        await end_sessions(tx, person_id)
    await tx.session.flush()
    return person


async def set_password(tx: Tx, person_id: UUID, password_hash: str) -> None:
    """Give a person a new password; every session they have ends. Raises NotFound."""
    person = await locked_person(tx, person_id)
    person.password_hash = password_hash
    trace(tx, "set_password", subject=("person", person_id))
    await end_sessions(tx, person_id, keep=tx.actor.session_id)


async def end_sessions(tx: Tx, person_id: UUID, *, keep: UUID | None = None) -> None:
    """End all console sessions of a person but `keep`; their sockets close within seconds."""
    await tx.session.execute(
        update(ConsoleSession)
        .where(
            ConsoleSession.person_id == person_id,
            ConsoleSession.ended_at.is_(None),
            ConsoleSession.id.is_distinct_from(keep),
        )
        .values(ended_at=tx.clock.wall())
    )


def _stored(roles: Collection[Role]) -> list[str]:
    if not roles:
        raise Invalid(field="roles", why="至少一个角色 / at least one role")
    return [role.value for role in Role if role in roles]


def _tidy_username(username: str) -> str:
    tidy = username.strip().lower()
    if not 1 <= len(tidy) <= 64 or any(sign.isspace() or not sign.isprintable() for sign in tidy):
        raise Invalid(field="username", why="1–64 个无空格字符 / 1–64 characters, no spaces")
    return tidy


def _tidy_name(name: str) -> str:
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= 100 or not tidy.isprintable():
        raise Invalid(field="name", why="1–100 个字符 / 1–100 characters")
    return tidy
