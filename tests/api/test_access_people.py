"""Administering people and phones, pairing, and the traces all of it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar, get
from litestar.datastructures import State

from server.access.actions import create_company, create_person, new_password_hash
from server.access.authentication import PhoneAuthentication
from server.access.guards import phone as phone_guard
from server.access.phones import pair_phone
from server.access.queries import company_ids, identify_phone, identify_session
from server.access.rules import (
    NAME_THROTTLE,
    PAIRING_LIFETIME,
    CompanyCodeTaken,
    PairingRefused,
    TooManyAttempts,
)
from server.actor import Actor, Role
from server.clock import FrozenClock
from server.db import Database
from server.web import EXCEPTION_HANDLERS, AppRequest
from tests.api.test_access_sign_in import console
from tests.companies import PeopledCompany, browser, people_company

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(console(changming)) as made:
        yield made


async def traces(client: httpx.AsyncClient, company: PeopledCompany) -> list[dict[str, Any]]:
    """The newest traces, as an auditor reads them."""
    answer = await client.get("/api/access-traces", headers=company.people[Role.AUDITOR].headers)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_administrator_adds_a_person_who_then_signs_in(
    client: httpx.AsyncClient, company: PeopledCompany
) -> None:
    headers = company.people[Role.ADMINISTRATOR].headers
    wang = {
        "username": "Wang",
        "name": " 王  芳 ",
        "roles": ["operator", "dispatcher"],
        "password": "correct horse battery",
    }
    made = await client.post("/api/people", json=wang, headers=headers)
    assert made.status_code == 201, made.text
    assert made.json()["username"] == "wang"
    assert made.json()["name"] == "王 芳"
    assert made.json()["roles"] == ["dispatcher", "operator"]
    assert made.json()["can_sign_in"] is True
    assert "password" not in made.text
    entered = await client.post(
        "/api/session",
        json={"company": "anshun", "username": "wang", "password": "correct horse battery"},
    )
    assert entered.status_code == 200
    listed = await client.get("/api/people", headers=headers)
    assert "wang" in [person["username"] for person in listed.json()]
    found = [trace for trace in await traces(client, company) if trace["verb"] == "created_person"]
    assert found[0]["subject_id"] == made.json()["id"]
    assert found[0]["actor_name"] == "administrator甲"
    assert "correct horse battery" not in str(found)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"username": "DISPATCHER"}, 409, "username_taken"),
        ({"username": "a b"}, 422, "invalid"),
        ({"password": "short"}, 422, "password_weak"),
        ({"password": "wangwangw"}, 422, "password_weak"),
        ({"password": "wang1234"}, 422, "password_weak"),
        ({"roles": ["king"]}, 400, "malformed_request"),
        ({"roles": []}, 400, "malformed_request"),
        ({"surprise": 1}, 400, "malformed_request"),
    ],
)
async def test_impossible_person_is_refused(
    client: httpx.AsyncClient,
    company: PeopledCompany,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    wang = {"username": "wang", "name": "王", "roles": ["operator"], "password": "long enough 1"}
    headers = company.people[Role.ADMINISTRATOR].headers
    refused = await client.post("/api/people", json=wang | changes, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text


async def test_same_username_is_free_in_another_company(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    other = await people_company(changming, "tanghe")
    li = {"username": "li", "name": "李", "roles": ["operator"]}
    for firm in (company, other):
        headers = firm.people[Role.ADMINISTRATOR].headers
        assert (await client.post("/api/people", json=li, headers=headers)).status_code == 201


async def test_somebody_elses_person_does_not_exist(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    other = await people_company(changming, "tanghe")
    theirs = other.people[Role.DISPATCHER].person_id
    headers = company.people[Role.ADMINISTRATOR].headers
    change = await client.patch(f"/api/people/{theirs}", json={"name": "X"}, headers=headers)
    assert change.status_code == 404
    gone = await client.delete(f"/api/phones/{other.phone.actor.phone_id}", headers=headers)
    assert gone.status_code == 404
    assert await identify_phone(changming, other.phone.token) is not None


async def test_deactivating_ends_sessions_and_phones(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    crew_member = company.people[Role.CREW_MEMBER]
    assert await identify_phone(changming, company.phone.token) == company.phone.actor
    assert await identify_session(changming, crew_member.token) == crew_member.actor
    changed = await client.patch(
        f"/api/people/{crew_member.person_id}",
        json={"active": False},
        headers=company.people[Role.ADMINISTRATOR].headers,
    )
    assert changed.status_code == 200
    assert changed.json()["version"] == 2
    assert await identify_phone(changming, company.phone.token) is None
    assert await identify_session(changming, crew_member.token) is None
    # Active again: the phone works as before, the ended session does not.
    await client.patch(
        f"/api/people/{crew_member.person_id}",
        json={"active": True},
        headers=company.people[Role.ADMINISTRATOR].headers,
    )
    assert await identify_phone(changming, company.phone.token) is not None
    assert await identify_session(changming, crew_member.token) is None


async def test_phone_needs_the_crew_members_role(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    await client.patch(
        f"/api/people/{company.people[Role.CREW_MEMBER].person_id}",
        json={"roles": ["operator"]},
        headers=company.people[Role.ADMINISTRATOR].headers,
    )
    assert await identify_phone(changming, company.phone.token) is None


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["auditor"]}])
async def test_last_administrator_stays(
    client: httpx.AsyncClient,
    company: PeopledCompany,
    changming: Database,
    change: dict[str, Any],
) -> None:
    administrator = company.people[Role.ADMINISTRATOR]
    # The fixture's administrator has no password; only who can sign in counts as one.
    hashed = await new_password_hash("long enough 1", "boss")
    async with changming.begin(company.system) as tx:
        boss = await create_person(
            tx, username="boss", name="王", roles=[Role.ADMINISTRATOR], password_hash=hashed
        )
    refused = await client.patch(
        f"/api/people/{boss.id}", json=change, headers=administrator.headers
    )
    assert refused.status_code == 409
    assert refused.json()["code"] == "last_administrator"
    async with changming.begin(company.system) as tx:
        await create_person(
            tx, username="second", name="赵", roles=[Role.ADMINISTRATOR], password_hash=hashed
        )
    allowed = await client.patch(
        f"/api/people/{boss.id}", json=change, headers=administrator.headers
    )
    assert allowed.status_code == 200


async def test_new_password_ends_the_persons_sessions(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    dispatcher = company.people[Role.DISPATCHER]
    answer = await client.post(
        f"/api/people/{dispatcher.person_id}/password",
        json={"password": "long enough 1"},
        headers=company.people[Role.ADMINISTRATOR].headers,
    )
    assert answer.status_code == 204
    assert await identify_session(changming, dispatcher.token) is None


async def test_company_code_is_taken_once(changming: Database, company: PeopledCompany) -> None:
    with pytest.raises(CompanyCodeTaken):
        await create_company(changming, code=" ANSHUN ", name_zh="二", name_en="Second")
    other = await people_company(changming, "tanghe")
    async with changming.companyless() as session:
        assert await company_ids(session) == [company.id, other.id]


# --- phones ---


async def pairing_code(client: httpx.AsyncClient, company: PeopledCompany) -> str:
    """A code for the crew member, as a dispatcher gets it."""
    answer = await client.post(
        "/api/phones/pairings",
        json={"person_id": str(company.people[Role.CREW_MEMBER].person_id)},
        headers=company.people[Role.DISPATCHER].headers,
    )
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    assert len(code) == 8
    return code


async def pair(database: Database, code: str, company: str = "anshun") -> Actor:
    """Pair a phone and prove that its token works."""
    paired = await pair_phone(
        database, company_code=company, code=code, device_name="P60", address="203.0.113.5"
    )
    actor = await identify_phone(database, paired.token)
    assert actor == paired.actor
    return paired.actor


async def test_pairing_code_works_once_however_it_is_typed(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    code = await pairing_code(client, company)
    actor = await pair(changming, f" {code[:4].lower()}-{code[4:]} ")
    assert actor.kind == "phone"
    assert actor.id == company.people[Role.CREW_MEMBER].person_id
    assert actor.roles == {Role.CREW_MEMBER}
    with pytest.raises(PairingRefused):
        await pair(changming, code)


async def test_pairing_code_dies_of_age(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database, clock: FrozenClock
) -> None:
    code = await pairing_code(client, company)
    clock.advance(PAIRING_LIFETIME.total_seconds())
    with pytest.raises(PairingRefused):
        await pair(changming, code)


async def test_new_code_replaces_the_old(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    old = await pairing_code(client, company)
    new = await pairing_code(client, company)
    with pytest.raises(PairingRefused):
        await pair(changming, old)
    await pair(changming, new)


async def test_pairing_code_belongs_to_its_company(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    await people_company(changming, "tanghe")
    code = await pairing_code(client, company)
    for elsewhere in ("tanghe", "nowhere"):
        with pytest.raises(PairingRefused):
            await pair(changming, code, elsewhere)


async def test_guessing_codes_is_throttled(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    code = await pairing_code(client, company)
    for _ in range(NAME_THROTTLE.failures):
        with pytest.raises(PairingRefused):
            await pair(changming, "AAAAAAAA")
    with pytest.raises(TooManyAttempts) as refused:
        await pair(changming, code)
    assert refused.value.params["retry_after_s"] > 0


async def test_only_active_crew_members_get_a_code(
    client: httpx.AsyncClient, company: PeopledCompany
) -> None:
    headers = company.people[Role.DISPATCHER].headers
    auditor = str(company.people[Role.AUDITOR].person_id)
    refused = await client.post(
        "/api/phones/pairings", json={"person_id": auditor}, headers=headers
    )
    assert refused.json()["code"] == "person_inactive"


async def test_revoked_phone_is_nobody(
    client: httpx.AsyncClient, company: PeopledCompany, changming: Database
) -> None:
    headers = company.people[Role.DISPATCHER].headers
    phone_id = company.phone.actor.phone_id
    assert (await client.delete(f"/api/phones/{phone_id}", headers=headers)).status_code == 204
    assert (await client.delete(f"/api/phones/{phone_id}", headers=headers)).status_code == 204
    assert await identify_phone(changming, company.phone.token) is None
    listed = (await client.get("/api/phones", headers=headers)).json()
    assert [row["revoked_at"] is not None for row in listed if row["id"] == str(phone_id)] == [True]
    verbs = [trace["verb"] for trace in await traces(client, company)]
    assert verbs.count("revoked_phone") == 1


@get("/whoami", guards=[phone_guard], sync_to_thread=False)
def whoami(request: AppRequest) -> UUID | None:
    """Which phone is asking."""
    assert request.user is not None
    return request.user.phone_id


async def test_bearer_proves_the_phone_and_a_cookie_does_not(
    changming: Database, company: PeopledCompany
) -> None:
    app = Litestar(
        [whoami],
        middleware=[PhoneAuthentication],
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({"database": changming}),
        openapi_config=None,
    )
    async with browser(app) as client:
        answer = await client.get("/whoami", headers=company.phone.headers)
        assert answer.json() == str(company.phone.actor.phone_id)
        for headers in (
            {},
            company.people[Role.CREW_MEMBER].headers,
            {"authorization": f"Basic {company.phone.token}"},
            {"authorization": "Bearer"},
            {"authorization": f"Bearer {company.people[Role.CREW_MEMBER].token}"},
        ):
            assert (await client.get("/whoami", headers=headers)).status_code == 401


async def test_phones_token_does_not_open_the_console(
    client: httpx.AsyncClient, company: PeopledCompany
) -> None:
    headers = {"cookie": f"changming_session={company.phone.token}"}
    assert (await client.get("/api/me", headers=headers)).status_code == 401
