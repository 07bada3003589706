"""The console's doors: signing in and out, and administering people and phones."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access import queries
from server.access.actions import change_person, create_person, new_password_hash, set_password
from server.access.authentication import COOKIE
from server.access.guards import public, requires, signed_in
from server.access.passwords import password_matches
from server.access.phones import issue_pairing, revoke_phone
from server.access.rules import SESSION_ABSOLUTE, SignInRefused, parse_roles
from server.access.sign_in import (
    address_door,
    count_attempt,
    forgive_attempt,
    name_door,
    sign_in,
    sign_out,
)
from server.access.tables import Company, Person
from server.access.tokens import csrf_token
from server.access.wire import (
    CompanyView,
    Me,
    MePerson,
    NewPairing,
    NewPassword,
    NewPerson,
    OwnPassword,
    PairingView,
    PersonChange,
    PersonView,
    PhoneView,
    SignIn,
    TraceView,
)
from server.actor import Actor, Role
from server.db import Tx
from server.web import database_of

SignedInRequest = Request[Actor, str, State]


def client_address(request: Request[Any, Any, Any]) -> str:
    """The client's address as the server in front reports it (uvicorn trusts only that one)."""
    return request.client.host if request.client is not None else "?"


class SessionController(Controller):
    """Signing in, who am I, signing out."""

    path = "/api"
    tags = ["access"]

    @post("/session", guards=[public], operation_id="sign_in", status_code=200)
    async def enter(self, request: Request[Any, Any, Any], data: JSONBody[SignIn]) -> Response[Me]:
        """Sign in. Sets the session cookie; 401 `sign_in_refused`, 429 `too_many_attempts`."""
        database = database_of(request)
        entered = await sign_in(
            database,
            company_code=data.company,
            username=data.username,
            password=data.password,
            address=client_address(request),
        )
        secure = database.settings.secure_cookies or request.url.scheme == "https"
        cookie = _session_cookie(entered.token, int(SESSION_ABSOLUTE.total_seconds()), secure)
        return Response(_me(entered.person, entered.company, entered.token), cookies=[cookie])

    @delete("/session", guards=[signed_in], operation_id="sign_out", status_code=204)
    async def leave(self, request: SignedInRequest) -> Response[None]:
        """Sign out: the session is over on the server, not only forgotten by the browser."""
        database = database_of(request)
        await sign_out(database, request.user)
        secure = database.settings.secure_cookies or request.url.scheme == "https"
        return Response(None, cookies=[_session_cookie("", 0, secure)])

    @get("/me", guards=[signed_in], operation_id="me")
    async def me(self, request: SignedInRequest, tx: NamedDependency[Tx]) -> Me:
        """Who is signed in, their company, and the session's CSRF token."""
        assert request.user.id is not None, "a signed-in actor is a person"
        return _me(
            await queries.person(tx, request.user.id), await queries.company(tx), request.auth
        )

    @post("/me/password", guards=[signed_in], operation_id="change_own_password", status_code=204)
    async def change_own_password(
        self, request: SignedInRequest, data: JSONBody[OwnPassword]
    ) -> None:
        """Change one's own password; other sessions of the person end. 401 when the old is wrong.

        Guessing the old one meets the same throttle as signing in.
        """
        database = database_of(request)
        actor = request.user
        assert actor.id is not None, "a signed-in actor is a person"
        async with database.begin(actor) as tx:
            person = await queries.person(tx, actor.id)
            code = (await queries.company(tx)).code
        doors = (
            name_door("sign_in", code, person.username),
            address_door(client_address(request)),
        )
        await count_attempt(database, doors)
        if not await password_matches(data.old_password, person.password_hash):
            raise SignInRefused
        fresh = await new_password_hash(data.new_password, person.username)
        async with database.begin(actor) as tx:
            await set_password(tx, actor.id, fresh)
            await forgive_attempt(tx.session, *doors, now=database.clock.wall())


class PeopleController(Controller):
    """Who may come in."""

    path = "/api/people"
    tags = ["access"]

    @get(guards=[requires(Role.ADMINISTRATOR, Role.SUPERVISOR)], operation_id="list_people")
    async def list_people(self, tx: NamedDependency[Tx]) -> list[PersonView]:
        """Everybody of the company, the active first."""
        return [_person_view(person) for person in await queries.people(tx)]

    @post(guards=[requires(Role.ADMINISTRATOR)], operation_id="create_person")
    async def create(self, request: SignedInRequest, data: JSONBody[NewPerson]) -> PersonView:
        """Add a person. 409 `username_taken`, 422 `password_weak`."""
        password_hash = None
        if data.password is not None:
            password_hash = await new_password_hash(data.password, data.username)
        async with database_of(request).begin(request.user) as tx:
            person = await create_person(
                tx,
                username=data.username,
                name=data.name,
                roles=data.roles,
                password_hash=password_hash,
            )
        return _person_view(person)

    @patch("/{person_id:uuid}", guards=[requires(Role.ADMINISTRATOR)], operation_id="change_person")
    async def change(
        self, tx: NamedDependency[Tx], person_id: FromPath[UUID], data: JSONBody[PersonChange]
    ) -> PersonView:
        """Change name, roles, or whether the person may come in. 409 `last_administrator`."""
        person = await change_person(
            tx, person_id, name=data.name, roles=data.roles, active=data.active
        )
        return _person_view(person)

    @post(
        "/{person_id:uuid}/password",
        guards=[requires(Role.ADMINISTRATOR)],
        operation_id="set_password",
        status_code=204,
    )
    async def set_password(
        self, request: SignedInRequest, person_id: FromPath[UUID], data: JSONBody[NewPassword]
    ) -> None:
        """Give a person a new password; all their sessions end."""
        database = database_of(request)
        async with database.begin(request.user) as tx:
            username = (await queries.person(tx, person_id)).username
        fresh = await new_password_hash(data.password, username)
        async with database.begin(request.user) as tx:
            await set_password(tx, person_id, fresh)


class PhonesController(Controller):
    """Crews' phones. A crew whose phone broke at night must not wait for an administrator."""

    path = "/api/phones"
    tags = ["access"]
    guards = [requires(Role.ADMINISTRATOR, Role.SUPERVISOR, Role.DISPATCHER)]

    @get(operation_id="list_phones")
    async def list_phones(self, tx: NamedDependency[Tx]) -> list[PhoneView]:
        """All phones ever paired, the newest first."""
        return [
            PhoneView(
                id=phone.id,
                person_id=phone.person_id,
                person_name=person.name,
                device_name=phone.device_name,
                paired_at=phone.paired_at,
                last_used_at=phone.last_used_at,
                revoked_at=phone.revoked_at,
            )
            for phone, person in await queries.phones(tx)
        ]

    @post("/pairings", operation_id="issue_pairing")
    async def issue(self, tx: NamedDependency[Tx], data: JSONBody[NewPairing]) -> PairingView:
        """Issue a pairing code, shown once, good once for ten minutes. 409 `person_inactive`."""
        pairing = await issue_pairing(tx, data.person_id)
        return PairingView(code=pairing.code, expires_at=pairing.expires_at)

    @delete("/{phone_id:uuid}", operation_id="revoke_phone", status_code=204)
    async def revoke(self, tx: NamedDependency[Tx], phone_id: FromPath[UUID]) -> None:
        """End a phone's token; its socket closes within seconds."""
        await revoke_phone(tx, phone_id)


class TracesController(Controller):
    """Who looked behind a mask, who changed who may come in."""

    path = "/api/access-traces"
    tags = ["access"]

    @get(guards=[requires(Role.AUDITOR, Role.ADMINISTRATOR)], operation_id="list_access_traces")
    async def list_traces(
        self, tx: NamedDependency[Tx], limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200
    ) -> list[TraceView]:
        """The newest traces first."""
        return [
            TraceView(
                id=row.id,
                at=row.at,
                actor_kind=row.actor_kind,
                actor_name=row.actor_name,
                verb=row.verb,
                subject_kind=row.subject_kind,
                subject_id=row.subject_id,
                reason=row.reason,
                params=row.params,
            )
            for row in await queries.traces(tx, limit)
        ]


ACCESS_CONTROLLERS = (SessionController, PeopleController, PhonesController, TracesController)
"""What the console application mounts."""


def _session_cookie(token: str, max_age_s: int, secure: bool) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=token,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def _me(person: Person, company: Company, token: str) -> Me:
    return Me(
        person=MePerson(
            id=person.id,
            name=person.name,
            username=person.username,
            roles=sorted(parse_roles(person.roles)),
        ),
        company=CompanyView(
            id=company.id,
            code=company.code,
            name_zh=company.name_zh,
            name_en=company.name_en,
            time_zone=company.time_zone,
            policy_pack=company.policy_pack,
        ),
        csrf_token=csrf_token(token),
    )


def _person_view(person: Person) -> PersonView:
    return PersonView(
        id=person.id,
        username=person.username,
        name=person.name,
        roles=sorted(parse_roles(person.roles)),
        active=person.active,
        can_sign_in=person.active and person.password_hash is not None,
        version=person.version,
    )
