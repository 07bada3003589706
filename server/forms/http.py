"""Routes of issued forms."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from litestar import Controller, MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.forms import actions, queries
from server.forms.owners import form_owner
from server.forms.pdf import to_pdf
from server.forms.wire import FormView, SignatureIn
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR,
    Role.DISPATCHER,
    Role.SUPERVISOR,
    Role.ACCOUNT_MANAGER,
    Role.AUDITOR,
    Role.CONTRACTOR,
)
"""Contractors: the forms of the works, of cases they may see."""
SIGNING = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.CONTRACTOR
)

PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cache-control": "no-store",
}
"""A form runs nothing and fetches nothing, whatever its template says."""
PDF_TYPE = "application/pdf"


class FormsController(Controller):
    """Issued forms."""

    path = "/api"
    tags = ["forms"]

    @get("/forms", guards=[READERS], operation_id="forms_of_case")
    async def forms_of_case(
        self, tx: NamedDependency[Tx], case_id: Annotated[UUID, QueryParameter()]
    ) -> list[FormView]:
        """The case's forms, newest first, superseded versions included."""
        return await queries.visible_forms(tx, case_id)

    @get("/forms/{form_id:uuid}", guards=[READERS], operation_id="form")
    async def form(self, tx: NamedDependency[Tx], form_id: FromPath[UUID]) -> FormView:
        """One issued form, without what was filled in."""
        return (await queries.views(tx, [await queries.visible_form(tx, form_id)]))[0]

    @get(
        "/forms/{form_id:uuid}/html",
        guards=[READERS],
        operation_id="form_html",
        media_type=MediaType.HTML,
    )
    async def form_html(self, tx: NamedDependency[Tx], form_id: FromPath[UUID]) -> Response[str]:
        """The form as a page that prints on A4. Reading it leaves a trace."""
        _, page = await actions.opened(tx, form_id, how="html")
        return Response(page, media_type=MediaType.HTML, headers=PAGE_HEADERS)

    @get(
        "/forms/{form_id:uuid}/pdf",
        guards=[READERS],
        operation_id="form_pdf",
        media_type=PDF_TYPE,
    )
    async def form_pdf(self, tx: NamedDependency[Tx], form_id: FromPath[UUID]) -> Response[bytes]:
        """The form as an A4 PDF with its fonts inside. Reading it leaves a trace."""
        row, page = await actions.opened(tx, form_id, how="pdf")
        title = f"{row.form_id}-{row.number or row.id}"
        content = await asyncio.to_thread(to_pdf, page, title=title)
        headers = {
            "content-disposition": f'inline; filename="{title}-v{row.sheet_version}.pdf"',
            "cache-control": "no-store",
        }
        return Response(content, media_type=PDF_TYPE, headers=headers)

    @post("/forms/{form_id:uuid}/signatures", guards=[SIGNING], operation_id="sign_form")
    async def sign_form(
        self,
        tx: NamedDependency[Tx],
        form_id: FromPath[UUID],
        data: JSONBody[SignatureIn],
        key: IdempotencyKey,
    ) -> FormView:
        """Record that somebody signed the form. 403 `signs_only_as_contractor`."""

        async def make() -> FormView:
            case_id = (await queries.visible_form(tx, form_id)).case_id
            if case_id is not None:
                await form_owner().lock(tx, case_id)
            row = await actions.sign(tx, form_id, data.as_, data.name, signed_at=data.signed_at)
            if case_id is not None:
                await form_owner().changed(tx, case_id)
                await tx.session.flush()
            return (await queries.views(tx, [row]))[0]

        return await once(tx, key, (f"sign_form {form_id}", data), make, FormView)
