"""Issuing forms, withdrawing them, signing them, opening them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.access.actions import trace
from server.access.numbers import daily_number
from server.actor import Role, from_outside
from server.db import Tx, new_id
from server.feed import note
from server.forms import queries
from server.forms.rules import (
    CONTRACTOR,
    FormAlreadySigned,
    FormNotInForce,
    NotASignatory,
    SignsOnlyAsContractor,
    capacity,
    form_of,
)
from server.forms.tables import FormSignature, IssuedForm
from server.forms.wire import FormState
from server.policy.actions import remember
from server.policy.queries import pack_of, pack_version
from server.policy.wire import Pack
from server.refusal import Invalid


async def issue(
    tx: Tx,
    case_id: UUID | None,
    form_id: str,
    values: Mapping[str, Any],
    *,
    pack: Pack | None = None,
    replaces: UUID | None = None,
) -> IssuedForm:
    """Issue a form of the pack: give it its number, fill it in, and keep it for ever.

    values: what is filled in, by the names of docs/forms.md; anything JSON can hold. A versioned
    form (派工单) keeps its number, counts its version up, and supersedes the one in force.
    case_id: null for what belongs to no case; otherwise the caller holds the case's lock.
    pack: the edition the case lives by; null: the one in force today.
    replaces: the issued form this one takes the place of, for forms that belong to no case.
    Raises UnknownForm, FormValuesMissing, FormTemplateBroken.
    """
    pack = pack or await pack_of(tx)
    kind = form_of(pack, form_id)
    await remember(tx, pack)
    replaced = None
    if replaces is not None:
        replaced = await queries.form(tx, replaces, lock=True)
        if replaced.state != FormState.ISSUED.value or replaced.form_id != form_id:
            raise FormNotInForce
    elif kind.versioned and case_id is not None:
        replaced = await queries.live_sheet(tx, case_id, form_id)
    number, sheet_version = None, 1
    if replaced is not None:
        number = replaced.number
        sheet_version = replaced.sheet_version + 1
    elif kind.numbered:
        number = await daily_number(tx, f"form-{form_id}", tx.now)
    row = IssuedForm(
        id=new_id(),
        form_id=form_id,
        case_id=case_id,
        number=number,
        versioned=kind.versioned,
        sheet_version=sheet_version,
        state=FormState.ISSUED.value,
        pack_version=pack.version,
        values=msgspec.to_builtins(dict(values)),
        issued_at=tx.now,
        issued_by=tx.actor.id,
        issued_by_name=tx.actor.name,
    )
    if replaced is not None:
        replaced.state = FormState.SUPERSEDED.value
        replaced.superseded_at = tx.now
        replaced.superseded_by_id = row.id
        await tx.session.flush()
    tx.session.add(row)
    await tx.session.flush()
    # Rendered once now, so that a form that cannot be shown is never issued.
    await queries.page(tx, row)
    if case_id is not None:
        note(
            tx,
            "form_issued",
            case_id=case_id,
            subject=("form", row.id),
            params={
                "form": form_id,
                "zh": kind.zh,
                "en": kind.en,
                "number": number,
                "sheet_version": sheet_version,
            },
        )
    return row


async def withdraw(tx: Tx, form_id: UUID, reason: str) -> IssuedForm:
    """Take a form out of force without a successor; it stays readable. Raises FormNotInForce."""
    row = await queries.form(tx, form_id, lock=True)
    if row.state != FormState.ISSUED.value:
        raise FormNotInForce
    row.state = FormState.VOID.value
    row.superseded_at = tx.now
    if row.case_id is not None:
        note(
            tx,
            "form_withdrawn",
            case_id=row.case_id,
            subject=("form", row.id),
            params={"form": row.form_id, "number": row.number, "reason": reason},
        )
    await tx.session.flush()
    return row


async def sign(
    tx: Tx, form_id: UUID, as_: str, name: str, *, signed_at: datetime | None = None
) -> IssuedForm:
    """Record one signature. A contractor records the contractor's alone.

    Raises NotFound, SignsOnlyAsContractor, FormNotInForce, NotASignatory, FormAlreadySigned,
    Invalid (signed in the future, or before the form was issued).
    """
    row = await queries.form(tx, form_id, lock=True)
    if Role.CONTRACTOR in tx.actor.roles and from_outside(tx.actor.roles) and as_ != CONTRACTOR:
        raise SignsOnlyAsContractor
    if row.state != FormState.ISSUED.value:
        raise FormNotInForce
    pack = await pack_version(tx, row.pack_version)
    asked = form_of(pack, row.form_id).signatures
    if as_ not in asked:
        raise NotASignatory(
            capacity=as_, signatories="、".join(capacity(pack, code)[0] for code in asked) or "—"
        )
    known = (await queries.signatures(tx, [row.id]))[row.id]
    if as_ in known:
        raise FormAlreadySigned(name=known[as_].name)
    at = signed_at or tx.now
    if not row.issued_at <= at <= tx.now:
        raise Invalid(field="signed_at", why="between the issue of the form and now")
    tx.session.add(
        FormSignature(
            form_id=row.id,
            signed_as=as_,
            name=name,
            signed_at=at,
            recorded_at=tx.now,
            recorded_by=tx.actor.id,
            recorded_by_name=tx.actor.name,
        )
    )
    row.count_up()
    if row.case_id is not None:
        note(
            tx,
            "form_signed",
            case_id=row.case_id,
            subject=("form", row.id),
            at=at,
            params={"form": row.form_id, "number": row.number, "as": as_},
        )
    await tx.session.flush()
    return row


async def opened(tx: Tx, form_id: UUID, *, how: str) -> tuple[IssuedForm, str]:
    """The form and its page. People's names stand on it in full, so the reading leaves a trace.

    how: «html» or «pdf». Raises NotFound, also for what a contractor may not see.
    """
    row = await queries.visible_form(tx, form_id)
    page = await queries.page(tx, row)
    trace(
        tx,
        "form_opened",
        subject=("form", row.id),
        params={"form": row.form_id, "number": row.number, "how": how},
    )
    return row, page
