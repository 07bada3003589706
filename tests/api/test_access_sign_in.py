"""Signing in and out: what is said, what is kept, how long it lasts, how often one may try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from sqlalchemy import select

from server.access.actions import create_person, new_password_hash
from server.access.authentication import COOKIE, ConsoleAuthentication
from server.access.http import ACCESS_CONTROLLERS
from server.access.rules import (
    ADDRESS_THROTTLE,
    FORGOTTEN_AFTER,
    NAME_THROTTLE,
    SESSION_ABSOLUTE,
    SESSION_IDLE,
)
from server.access.tables import ConsoleSession, SignInFailures
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.web import EXCEPTION_HANDLERS, provide_tx
from tests.companies import PeopledCompany, browser, people_company

pytestmark = pytest.mark.anyio

PASSWORD = "夜半铃声 twice rings"


def console(database: Database) -> Litestar:
    """The console's doors alone, mounted as the application mounts them."""
    return Litestar(
        route_handlers=[*ACCESS_CONTROLLERS],
        middleware=[ConsoleAuthentication],
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({"database": database}),
        openapi_config=None,
    )


@pytest.fixture
async def client(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that keeps no cookies of its own: each test says what it sends."""
    async with browser(console(changming)) as made:
        yield made


@pytest.fixture
async def li(changming: Database, company: PeopledCompany) -> PeopledCompany:
    """The company, with 李 who has a password."""
    hashed = await new_password_hash(PASSWORD, "li")
    async with changming.begin(company.system) as tx:
        await create_person(
            tx, username="Li", name="李", roles=[Role.DISPATCHER], password_hash=hashed
        )
    return company


def body(**changes: str) -> dict[str, str]:
    """A right sign-in, but for the changes."""
    return {"company": "anshun", "username": "li", "password": PASSWORD} | changes


async def enter(client: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    """Sign 李 in: the cookie's value, and Me."""
    answer = await client.post("/api/session", json=body())
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE].value, answer.json()


def cookie(token: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={token}"}


async def test_sign_in_says_who_and_sets_a_guarded_cookie(
    client: httpx.AsyncClient, li: PeopledCompany
) -> None:
    answer = await client.post("/api/session", json=body(username=" LI ", company="AnShun"))
    assert answer.status_code == 200
    me = answer.json()
    assert me["person"]["username"] == "li"
    assert me["person"]["roles"] == ["dispatcher"]
    assert me["company"]["code"] == "anshun"
    morsel = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert morsel["httponly"]
    assert morsel["secure"]
    assert morsel["samesite"].lower() == "strict"
    assert morsel.value not in answer.text


async def test_secret_itself_is_not_stored(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    token, _ = await enter(client)
    async with changming.begin(li.system) as tx:
        hashes = (await tx.session.scalars(select(ConsoleSession.token_hash))).all()
    assert all(token.encode() not in stored and len(stored) == 32 for stored in hashes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": PASSWORD + "!"},
        {"username": "nobody"},
        {"company": "elsewhere"},
        {"username": "dispatcher"},  # Has no password at all.
        {"password": "x" * 1000},
    ],
)
async def test_wrong_sign_in_is_refused_without_saying_what_was_wrong(
    client: httpx.AsyncClient, li: PeopledCompany, wrong: dict[str, str]
) -> None:
    answer = await client.post("/api/session", json=body(**wrong))
    assert answer.status_code == 401
    assert answer.json()["code"] == "sign_in_refused"
    assert answer.json()["title"] == "公司、用户名或密码不正确"
    assert "set-cookie" not in answer.headers


async def test_refusal_speaks_the_readers_language(
    client: httpx.AsyncClient, li: PeopledCompany
) -> None:
    answer = await client.post(
        "/api/session", json=body(password="wrong"), headers={"accept-language": "en-GB,en"}
    )
    assert answer.json()["title"] == "The company, user name or password is not right."
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_unknown_user_costs_a_hash_too(
    client: httpx.AsyncClient, li: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: a timing test would fail on a busy machine."""
    from server.access import passwords

    verified: list[str] = []
    real = passwords._HASHER.verify

    class Counting:
        hash = passwords._HASHER.hash

        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored)
            return real(stored, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for wrong in ({"username": "nobody"}, {"company": "elsewhere"}, {"password": "wrong"}):
        await client.post("/api/session", json=body(**wrong))
    assert len(verified) == 3
    assert len({stored.split("$")[3] for stored in verified}) == 1, "the same cost each time"


async def test_me_needs_the_cookie(client: httpx.AsyncClient, li: PeopledCompany) -> None:
    token, entered = await enter(client)
    assert (await client.get("/api/me")).status_code == 401
    assert (await client.get("/api/me", headers=cookie(token[:-1]))).status_code == 401
    forged = f"{li.id.hex}.{'A' * 43}"
    assert (await client.get("/api/me", headers=cookie(forged))).status_code == 401
    answer = await client.get("/api/me", headers=cookie(token))
    assert answer.json() == entered


async def test_cookie_of_one_company_proves_nobody_in_another(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    other = await people_company(changming, "tanghe")
    token, _ = await enter(client)
    swapped = f"{other.id.hex}.{token.partition('.')[2]}"
    assert (await client.get("/api/me", headers=cookie(swapped))).status_code == 401


async def test_unsafe_request_needs_the_sessions_csrf_token(
    client: httpx.AsyncClient, li: PeopledCompany
) -> None:
    token, me = await enter(client)
    _, another = await enter(client)
    assert me["csrf_token"] != another["csrf_token"]
    for offered in (None, "", another["csrf_token"]):
        headers = cookie(token) | ({} if offered is None else {"x-csrf-token": offered})
        refused = await client.delete("/api/session", headers=headers)
        assert refused.status_code == 403
        assert refused.json()["code"] == "csrf_refused"
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 200
    headers = cookie(token) | {"x-csrf-token": me["csrf_token"]}
    assert (await client.delete("/api/session", headers=headers)).status_code == 204


async def test_signing_out_ends_the_session_on_the_server(
    client: httpx.AsyncClient, li: PeopledCompany
) -> None:
    token, me = await enter(client)
    headers = cookie(token) | {"x-csrf-token": me["csrf_token"]}
    gone = await client.delete("/api/session", headers=headers)
    assert SimpleCookie(gone.headers["set-cookie"])[COOKIE]["max-age"] == "0"
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 401


async def test_unused_session_ends_and_use_keeps_it(
    client: httpx.AsyncClient, li: PeopledCompany, clock: FrozenClock
) -> None:
    token, _ = await enter(client)
    nearly = SESSION_IDLE.total_seconds() - 1
    clock.advance(nearly)
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 200
    clock.advance(nearly)
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 200
    clock.advance(nearly + 1)
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 401


async def test_session_ends_absolutely_however_much_it_is_used(
    client: httpx.AsyncClient, li: PeopledCompany, clock: FrozenClock
) -> None:
    token, _ = await enter(client)
    hour = 3600
    for _ in range(int(SESSION_ABSOLUTE.total_seconds()) // hour - 1):
        clock.advance(hour)
        assert (await client.get("/api/me", headers=cookie(token))).status_code == 200
    clock.advance(hour)
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 401


async def test_name_is_throttled_then_free_again(
    client: httpx.AsyncClient, li: PeopledCompany, clock: FrozenClock
) -> None:
    for _ in range(NAME_THROTTLE.failures):
        answer = await client.post("/api/session", json=body(password="wrong"))
        assert answer.status_code == 401
    closed = await client.post("/api/session", json=body())
    assert closed.status_code == 429, "even the right password waits"
    assert closed.json()["code"] == "too_many_attempts"
    wait = int(closed.headers["retry-after"])
    assert 0 < wait <= NAME_THROTTLE.window.total_seconds() + 1
    # Another name from the same address still comes in as before.
    other = await client.post("/api/session", json=body(username="nobody"))
    assert other.status_code == 401
    clock.advance(wait)
    assert (await client.post("/api/session", json=body())).status_code == 200


async def test_right_password_wipes_the_names_count(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    for _ in range(3):
        for _ in range(NAME_THROTTLE.failures - 1):
            await client.post("/api/session", json=body(password="wrong"))
        await enter(client)
    async with changming.companyless() as session:
        left = (await session.scalars(select(SignInFailures.failures))).all()
    assert left == [3 * (NAME_THROTTLE.failures - 1)], "only the address remembers the wrong ones"


async def test_doors_long_left_alone_are_forgotten(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database, clock: FrozenClock
) -> None:
    for n in range(5):
        await client.post("/api/session", json=body(username=f"guess{n}"))
    clock.advance(FORGOTTEN_AFTER.total_seconds() + 1)
    await enter(client)
    async with changming.companyless() as session:
        assert (await session.scalars(select(SignInFailures.failures))).all() == [0]


async def test_address_is_throttled_over_names_and_companies(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    from server.access.sign_in import address_door, count_attempt

    door = address_door("198.51.100.7")
    for _ in range(ADDRESS_THROTTLE.failures - 1):
        await count_attempt(changming, (door,))
    assert (await client.post("/api/session", json=body(company="a"))).status_code == 401
    assert (await client.post("/api/session", json=body())).status_code == 429


async def test_attempts_at_once_meet_the_same_limit(
    changming: Database, li: PeopledCompany
) -> None:
    """Counted before the password is looked at: none slips through between look and count."""
    from server.access.rules import TooManyAttempts
    from server.access.sign_in import count_attempt, name_door

    door = name_door("sign_in", "anshun", "li")
    answers = await asyncio.gather(
        *(count_attempt(changming, (door,)) for _ in range(NAME_THROTTLE.failures + 5)),
        return_exceptions=True,
    )
    assert sum(answer is None for answer in answers) == NAME_THROTTLE.failures
    assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == 5


async def test_no_connection_is_held_while_a_password_is_hashed(
    changming: Database, li: PeopledCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.access.passwords import password_matches as real
    from server.access.sign_in import sign_in

    checked_out: list[int] = []

    async def watching(password: str, stored: str | None) -> bool:
        checked_out.append(changming.engine.pool.checkedout())  # type: ignore[attr-defined]  # QueuePool has it; the base class in the signature does not.
        return await real(password, stored)

    monkeypatch.setattr("server.access.sign_in.password_matches", watching)
    await sign_in(changming, company_code="anshun", username="li", password=PASSWORD, address="?")
    assert checked_out == [0]


async def test_deactivated_person_is_out_at_once(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    from server.access.actions import change_person

    token, me = await enter(client)
    async with changming.begin(li.system) as tx:
        await change_person(tx, me["person"]["id"], active=False)
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 401
    assert (await client.post("/api/session", json=body())).status_code == 401


async def test_own_password_changes_and_other_sessions_end(
    client: httpx.AsyncClient, li: PeopledCompany, changming: Database
) -> None:
    token, me = await enter(client)
    elsewhere, _ = await enter(client)
    headers = cookie(token) | {"x-csrf-token": me["csrf_token"]}
    new = "another long one"
    wrong = {"old_password": "wrong", "new_password": new}
    assert (await client.post("/api/me/password", json=wrong, headers=headers)).status_code == 401
    weak = {"old_password": PASSWORD, "new_password": "short"}
    refused = await client.post("/api/me/password", json=weak, headers=headers)
    assert refused.json()["code"] == "password_weak"
    right = {"old_password": PASSWORD, "new_password": new}
    assert (await client.post("/api/me/password", json=right, headers=headers)).status_code == 204
    assert (await client.get("/api/me", headers=cookie(token))).status_code == 200
    assert (await client.get("/api/me", headers=cookie(elsewhere))).status_code == 401
    assert (await client.post("/api/session", json=body())).status_code == 401
    assert (await client.post("/api/session", json=body(password=new))).status_code == 200
