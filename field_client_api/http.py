"""The phone's routes. The crew is the one the phone's person is in, never one a request names."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, WebSocket, get, post, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import JSONBody, QueryParameter

from field_client_api.doors import KnownPhones
from field_client_api.intake import Intake
from field_client_api.wire import (
    FieldCrew,
    FieldMe,
    FieldPerson,
    FieldSnapshot,
    FieldTime,
    FirstFrame,
    Pair,
    Paired,
)
from server.access.guards import phone, public
from server.access.phones import pair_phone
from server.access.queries import identify_phone
from server.actor import Actor
from server.crews.queries import crew, crew_id_of, members_of, shifts_at
from server.db import Tx
from server.feed.queries import newest_seq
from server.live.hub import Hub
from server.live.rules import Audience, crew_audience
from server.live.socket import serve
from server.live.subscription import SIGNED_OUT, Credential
from server.refusal import NotSignedIn
from server.tracking.wire import FixesKept, SentFixes
from server.web import database_of, language_of
from server.work.actions_field import hear
from server.work.rules import REFUSALS
from server.work.views import callouts_of_crew
from server.work.wire import FieldAction, FieldAnswer

FIRST_FRAME_S = 10.0
"""How long a socket without a header may stay silent before it has said who it is."""

PhoneRequest = Request[Actor, str | None, State]


async def _crew_of(tx: Tx) -> FieldCrew | None:
    assert tx.actor.id is not None, "a phone is a person's"
    crew_id = await crew_id_of(tx, tx.actor.id)
    if crew_id is None:
        return None
    row = await crew(tx, crew_id)
    shift = (await shifts_at(tx, tx.now, [crew_id])).get(crew_id)
    return FieldCrew(
        id=row.id,
        code=row.code,
        name=row.name,
        on_duty=shift is not None,
        shift_ends_at=None if shift is None else shift.ends_at,
        kit=row.kit,
        members=[one.name for one in (await members_of(tx, [crew_id]))[crew_id]],
    )


def _person_of(actor: Actor) -> FieldPerson:
    assert actor.id is not None, "a phone is a person's"
    return FieldPerson(id=actor.id, name=actor.name)


class PairingController(Controller):
    """Making a phone known."""

    path = "/v1"
    tags = ["pairing"]

    @post("/pair", guards=[public], operation_id="pair", status_code=201)
    async def pair(self, request: Request[Any, Any, Any], data: JSONBody[Pair]) -> Paired:
        """Turn a pairing code into a token. 401 `pairing_refused`, 429 `too_many_attempts`."""
        database = database_of(request)
        paired = await pair_phone(
            database,
            company_code=data.company,
            code=data.code,
            device_name=data.device_name,
            address=request.client.host if request.client is not None else "?",
        )
        async with database.begin(paired.actor) as tx:
            its_crew = await _crew_of(tx)
        return Paired(
            token=paired.token,
            phone_id=paired.phone_id,
            person=_person_of(paired.actor),
            crew=its_crew,
        )


class FieldController(Controller):
    """What a paired phone asks and says."""

    path = "/v1"
    tags = ["field"]

    @get("/time", guards=[phone], operation_id="time")
    async def time(self, request: PhoneRequest) -> FieldTime:
        """The server's time, by which the phone may measure its clock."""
        clock = database_of(request).clock
        return FieldTime(now=clock.now(), speed=clock.speed)

    @get("/snapshot", guards=[phone], operation_id="snapshot")
    async def snapshot(self, request: PhoneRequest) -> FieldSnapshot:
        """The crew's live assignments as of change `seq`, and who the phone speaks for."""
        database = database_of(request)
        async with database.begin(request.user, snapshot=True) as tx:
            its_crew = await _crew_of(tx)
            return FieldSnapshot(
                seq=await newest_seq(tx),
                time=FieldTime(now=tx.now, speed=database.clock.speed),
                me=FieldMe(person=_person_of(request.user), crew=its_crew),
                callouts=[] if its_crew is None else await callouts_of_crew(tx, its_crew.id),
            )

    @post("/actions", guards=[phone], operation_id="say", status_code=200)
    async def say(
        self, request: PhoneRequest, tx: NamedDependency[Tx], data: JSONBody[FieldAction]
    ) -> FieldAnswer:
        """Take one word from the field.

        Also a refused word answers 200: it is kept, and the phone need not send it again. 422
        `idempotency_key_reused` when the key was used for another word.
        """
        answer = await hear(tx, data)
        if answer.code is None:
            return answer
        title = REFUSALS[answer.code](items=answer.items).text(language_of(request))
        return msgspec.structs.replace(answer, title=title)

    @post("/fixes", guards=[phone], operation_id="send_fixes", status_code=200)
    async def send_fixes(self, request: PhoneRequest, data: JSONBody[SentFixes]) -> FixesKept:
        """Take a batch of fixes; answered after the commit. Those of off-duty time are dropped."""
        intake: Intake = request.app.state.intake
        try:
            return await intake.keep(request.user, data)
        except NotSignedIn:
            known: KnownPhones = request.app.state.known_phones
            if request.auth is not None:
                known.forget(request.auth)
            raise

    @websocket("/live", guards=[public])
    async def live(
        self,
        socket: WebSocket[Actor | None, None, State],
        after: Annotated[int, QueryParameter(ge=0)] = 0,
    ) -> None:
        """The crew's changes after `after`, and the time, until either side ends.

        The token comes in the Authorization header or, from a browser, in the first text frame
        {"token": "…"}. Close codes: 4401 the token proves nobody; 1012 connect again.
        """
        actor = socket.user or await _introduce(socket)
        if actor is None:
            return
        database = database_of(socket)
        async with database.begin(actor) as tx:
            assert actor.id is not None, "a phone is a person's"
            crew_id = await crew_id_of(tx, actor.id)
        hub: Hub = socket.app.state.hub
        audience = Audience() if crew_id is None else crew_audience(crew_id)
        subscription = await hub.subscribe(
            actor.company_id, audience, Credential(phone_id=actor.phone_id), after
        )
        await serve(socket, hub, subscription)


async def _introduce(socket: WebSocket[Actor | None, None, State]) -> Actor | None:
    """Ask a socket without a header who it is; closes it and returns None when it cannot say."""
    await socket.accept()
    try:
        async with asyncio.timeout(FIRST_FRAME_S):
            text = await socket.receive_text()
        frame = msgspec.json.decode(text, type=FirstFrame)
    except (TimeoutError, msgspec.DecodeError):
        actor = None
    except WebSocketDisconnect:
        return None
    else:
        actor = await identify_phone(database_of(socket), frame.token)
    if actor is None:
        await socket.close(code=SIGNED_OUT)
    return actor
