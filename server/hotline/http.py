"""Routes of the hotline desk."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.db import Tx
from server.feed import once
from server.hotline import actions, queries
from server.hotline.wire import (
    AnswerIn,
    CallView,
    Logged,
    LogIn,
    RingIn,
    SafetyScriptView,
    ScriptStepView,
    Unmasked,
    UnmaskIn,
)
from server.incidents.http import DESK, READERS
from server.policy.queries import pack_of
from server.web import IdempotencyKey


class HotlineController(Controller):
    """Calls."""

    path = "/api"
    tags = ["hotline"]

    @get("/safety-script", guards=[READERS], operation_id="safety_script")
    async def safety_script(self, tx: NamedDependency[Tx]) -> SafetyScriptView:
        """What to tell every gas caller."""
        script = (await pack_of(tx)).safety_script
        return SafetyScriptView(
            version=script.version,
            steps=[
                ScriptStepView(
                    key=step.key, zh=step.zh, en=step.en, unless_facts=list(step.unless_facts)
                )
                for step in script.steps
            ],
        )

    @post("/rings", guards=[DESK], operation_id="ring")
    async def ring(
        self, tx: NamedDependency[Tx], data: JSONBody[RingIn], key: IdempotencyKey
    ) -> CallView:
        """A call begins: its time of receipt is now, by the server's clock."""

        async def make() -> CallView:
            row = await actions.ring(tx, data)
            return (await queries.views(tx, [row]))[0]

        return await once(tx, key, ("ring", data), make, CallView)

    @post("/calls/{call_id:uuid}/log", guards=[DESK], operation_id="log_call")
    async def log_call(
        self,
        tx: NamedDependency[Tx],
        call_id: FromPath[UUID],
        data: JSONBody[LogIn],
        key: IdempotencyKey,
    ) -> Logged:
        """Store what the caller said; opens an incident or joins one. Durable when answered."""

        async def make() -> Logged:
            return await actions.log(tx, call_id, data)

        return await once(tx, key, (f"log_call {call_id}", data), make, Logged)

    @post(
        "/calls/{call_id:uuid}/abandon", guards=[DESK], operation_id="abandon_call", status_code=200
    )
    async def abandon_call(self, tx: NamedDependency[Tx], call_id: FromPath[UUID]) -> CallView:
        """The caller hung up; the call stays and is to be rung back."""
        row = await actions.abandon(tx, call_id)
        await tx.session.flush()
        return (await queries.views(tx, [row]))[0]

    @post(
        "/calls/{call_id:uuid}/answer", guards=[DESK], operation_id="answer_caller", status_code=200
    )
    async def answer_caller(
        self,
        tx: NamedDependency[Tx],
        call_id: FromPath[UUID],
        data: JSONBody[AnswerIn],
        key: IdempotencyKey,
    ) -> CallView:
        """A caller was rung back. «Smells again» reopens a closed incident."""

        async def make() -> CallView:
            row = await actions.answer(tx, call_id, data)
            return (await queries.views(tx, [row]))[0]

        return await once(tx, key, (f"answer_caller {call_id}", data), make, CallView)

    @post(
        "/calls/{call_id:uuid}/unmask", guards=[DESK], operation_id="unmask_caller", status_code=200
    )
    async def unmask_caller(
        self, tx: NamedDependency[Tx], call_id: FromPath[UUID], data: JSONBody[UnmaskIn]
    ) -> Unmasked:
        """The caller's name and number in full; asking leaves a trace."""
        return await actions.unmask(tx, call_id, data.reason)
