"""Routes of intake: the platforms' door, their keys, and the desk's leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from server.access.guards import platform, requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.intake import actions, queries, rules
from server.intake.authentication import PlatformAuthentication
from server.intake.wire import (
    ContactIn,
    DismissIn,
    HandOverIn,
    LeadCaseIn,
    LeadList,
    LeadPage,
    LeadState,
    LeadUnmasked,
    ProjectPush,
    PushAccepted,
    PushBody,
    PushKeyIn,
    PushKeyMade,
    PushKeys,
    PushList,
    PushView,
    ReasonIn,
    SettleIn,
)
from server.web import AppRequest, IdempotencyKey, database_of

READERS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
DESK = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
ADMINISTRATOR = requires(Role.ADMINISTRATOR)


@dataclass
class PushOperation(Operation):
    """The body of a push, for the API's document. The handler reads it raw, because what cannot be
    read is kept too; so nothing else would say what it is."""

    def __post_init__(self) -> None:
        project = Reference(ref="#/components/schemas/ProjectPush")
        self.request_body = RequestBody(
            content={"application/json": OpenAPIMediaType(schema=project)},
            description="Unknown fields are dropped unread. At most 64 kB.",
            required=True,
        )


class PushController(Controller):
    """The door of government platforms."""

    path = "/push/v1"
    tags = ["push"]
    middleware = [PlatformAuthentication]
    request_max_body_size = rules.MAX_BODY_BYTES

    @post(
        "/projects",
        guards=[platform],
        operation_id="push_project",
        operation_class=PushOperation,
    )
    async def push_project(self, request: AppRequest) -> PushAccepted:
        """A project (JSON, see the page on intake). Pushed twice it is one lead with two receipts.

        422 `push_malformed`, 413 `push_too_large`: kept all the same, for the desk.
        """
        actor = request.user
        assert actor is not None, "the guard lets only platforms in"
        body: bytes | None = None
        try:
            # Read before a transaction is opened: a slow platform holds no connection.
            body = await request.body()
        except ClientException as error:
            if error.status_code != rules.PushTooLarge.status:
                raise
        async with database_of(request).begin(actor) as tx:
            if body is None:
                pushed = await actions.refuse_large(tx, request.content_length or 0)
            else:
                pushed = await actions.receive_push(tx, body)
        # Said after the commit, so that what is refused is durable too.
        if pushed.refusal is not None:
            raise pushed.refusal
        assert pushed.accepted is not None, "accepted or refused"
        return pushed.accepted


class PushKeysController(Controller):
    """Keys of platforms."""

    path = "/api/push-keys"
    tags = ["intake"]

    @get(guards=[ADMINISTRATOR], operation_id="push_keys")
    async def push_keys(self, tx: NamedDependency[Tx]) -> PushKeys:
        """All keys ever made, without their secrets."""
        return PushKeys(keys=await queries.keys(tx))

    @post(guards=[ADMINISTRATOR], operation_id="make_push_key")
    async def make_push_key(
        self, tx: NamedDependency[Tx], data: JSONBody[PushKeyIn]
    ) -> PushKeyMade:
        """A key for a platform; its token is in this answer and nowhere else."""
        row, token = await actions.make_key(tx, data)
        return PushKeyMade(token=token, key=queries.key_view(row))

    @delete(
        "/{key_id:uuid}", guards=[ADMINISTRATOR], operation_id="revoke_push_key", status_code=204
    )
    async def revoke_push_key(self, tx: NamedDependency[Tx], key_id: FromPath[UUID]) -> None:
        """The key proves nobody any more."""
        await actions.revoke_key(tx, key_id)


class LeadsController(Controller):
    """Pushed projects."""

    path = "/api"
    tags = ["intake"]

    @get("/leads", guards=[READERS], operation_id="leads")
    async def leads(
        self,
        tx: NamedDependency[Tx],
        lead_state: Annotated[LeadState | None, QueryParameter(name="state")] = None,
        manager: FromQuery[UUID | None] = None,
        q: Annotated[str, QueryParameter(max_length=200)] = "",
        after: FromQuery[UUID | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> LeadList:
        """Leads, the newest push first."""
        wanted = queries.Filter(state=lead_state, manager_id=manager, q=q, after=after, limit=limit)
        return await queries.leads(tx, wanted)

    @get("/leads/{lead_id:uuid}", guards=[READERS], operation_id="lead")
    async def lead(self, tx: NamedDependency[Tx], lead_id: FromPath[UUID]) -> LeadPage:
        """One lead with its receipts, attempts and clocks."""
        return await queries.page(tx, lead_id)

    @post(
        "/leads/{lead_id:uuid}/hand-over",
        guards=[DESK],
        operation_id="hand_over_lead",
        status_code=200,
    )
    async def hand_over_lead(
        self,
        tx: NamedDependency[Tx],
        lead_id: FromPath[UUID],
        data: JSONBody[HandOverIn],
        key: IdempotencyKey,
    ) -> LeadPage:
        """To a named account manager, or whoever zone and load suggest."""

        async def make() -> LeadPage:
            await actions.hand_over(tx, lead_id, data)
            return await queries.page(tx, lead_id)

        return await once(tx, key, (f"hand_over_lead {lead_id}", data), make, LeadPage)

    @post("/leads/{lead_id:uuid}/contacts", guards=[DESK], operation_id="contact_lead")
    async def contact_lead(
        self,
        tx: NamedDependency[Tx],
        lead_id: FromPath[UUID],
        data: JSONBody[ContactIn],
        key: IdempotencyKey,
    ) -> LeadPage:
        """An attempt to reach the customer. 422 `contact_needs_proof`."""

        async def make() -> LeadPage:
            await actions.contact(tx, lead_id, data)
            return await queries.page(tx, lead_id)

        return await once(tx, key, (f"contact_lead {lead_id}", data), make, LeadPage)

    @post("/leads/{lead_id:uuid}/case", guards=[DESK], operation_id="make_case_of_lead")
    async def make_case_of_lead(
        self,
        tx: NamedDependency[Tx],
        lead_id: FromPath[UUID],
        data: JSONBody[LeadCaseIn],
        key: IdempotencyKey,
    ) -> LeadPage:
        """The lead becomes a case; `lead.case_id` names it. 409 `lead_state` before contact."""

        async def make() -> LeadPage:
            await actions.make_case(tx, lead_id, data)
            return await queries.page(tx, lead_id)

        return await once(tx, key, (f"make_case_of_lead {lead_id}", data), make, LeadPage)

    @post(
        "/leads/{lead_id:uuid}/dismissal",
        guards=[DESK],
        operation_id="dismiss_lead",
        status_code=200,
    )
    async def dismiss_lead(
        self, tx: NamedDependency[Tx], lead_id: FromPath[UUID], data: JSONBody[DismissIn]
    ) -> LeadPage:
        """The lead comes to nothing, for a reason."""
        await actions.dismiss(tx, lead_id, data)
        return await queries.page(tx, lead_id)

    @post(
        "/leads/{lead_id:uuid}/unmask", guards=[DESK], operation_id="unmask_lead", status_code=200
    )
    async def unmask_lead(
        self, tx: NamedDependency[Tx], lead_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> LeadUnmasked:
        """The contact's name and number in full; asking leaves a trace."""
        return await actions.unmask(tx, lead_id, data.reason)

    @get("/pushes", guards=[READERS], operation_id="pushes")
    async def pushes(
        self,
        tx: NamedDependency[Tx],
        only_open: Annotated[bool, QueryParameter(name="open")] = False,
    ) -> PushList:
        """The newest pushes; `open=true`: refused ones that nobody has settled."""
        return PushList(pushes=await queries.pushes(tx, only_open=only_open))

    @post("/pushes/{push_id:uuid}/lead", guards=[DESK], operation_id="make_lead_of_push")
    async def make_lead_of_push(
        self,
        tx: NamedDependency[Tx],
        push_id: FromPath[UUID],
        data: JSONBody[ProjectPush],
        key: IdempotencyKey,
    ) -> LeadPage:
        """A refused push, read by a person: its lead counts from when it was pushed."""

        async def make() -> LeadPage:
            row = await actions.make_lead_of_push(tx, push_id, data)
            return await queries.page(tx, row.id)

        return await once(tx, key, (f"make_lead_of_push {push_id}", data), make, LeadPage)

    @post(
        "/pushes/{push_id:uuid}/settlement",
        guards=[DESK],
        operation_id="settle_push",
        status_code=200,
    )
    async def settle_push(
        self, tx: NamedDependency[Tx], push_id: FromPath[UUID], data: JSONBody[SettleIn]
    ) -> PushView:
        """A refused push needs nothing more."""
        return queries.push_view(await actions.settle_push(tx, push_id, data.words))

    @post(
        "/pushes/{push_id:uuid}/unmask", guards=[DESK], operation_id="unmask_push", status_code=200
    )
    async def unmask_push(
        self, tx: NamedDependency[Tx], push_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> PushBody:
        """What a platform sent that could not be read; asking leaves a trace."""
        return await actions.unmask_push(tx, push_id, data.reason)
