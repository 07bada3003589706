"""Every SELECT and row lock on issued forms, and how they look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from server.access.masking import mask_name
from server.access.queries import company
from server.actor import from_outside
from server.db import Tx
from server.forms.owners import form_owner
from server.forms.rendering import Head, render
from server.forms.rules import capacity, form_of, of_the_works
from server.forms.tables import FormSignature, IssuedForm
from server.forms.wire import FormState, FormView, SignatureView
from server.policy.queries import pack_version
from server.policy.wire import Pack
from server.policy.wire_papers import Form
from server.refusal import NotFound


async def form(tx: Tx, form_id: UUID, *, lock: bool = False) -> IssuedForm:
    """The issued form; `lock` holds its row until the commit. Raises NotFound."""
    statement = select(IssuedForm).where(IssuedForm.id == form_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(what="form")
    return row


async def visible_form(tx: Tx, form_id: UUID) -> IssuedForm:
    """The issued form, if the acting person may see it. Raises NotFound.

    Contractors see the forms of the works, of cases they may see; the desks see all.
    """
    row = await form(tx, form_id)
    if tx.actor.kind == "person" and from_outside(tx.actor.roles):
        kind = form_of(await pack_version(tx, row.pack_version), row.form_id)
        if row.case_id is None or not of_the_works(kind):
            raise NotFound(what="form")
        await form_owner().require_visible(tx, row.case_id)
    return row


async def live_sheet(tx: Tx, case_id: UUID, form_id: str) -> IssuedForm | None:
    """The version of a versioned form in force for the case, its row locked; None before one."""
    return await tx.session.scalar(
        select(IssuedForm)
        .where(
            IssuedForm.case_id == case_id,
            IssuedForm.form_id == form_id,
            IssuedForm.versioned,
            IssuedForm.state == FormState.ISSUED.value,
        )
        .with_for_update()
    )


async def signatures(tx: Tx, form_ids: Sequence[UUID]) -> dict[UUID, dict[str, FormSignature]]:
    """The signatures on each form, by capacity; every asked-for form has an entry."""
    found: dict[UUID, dict[str, FormSignature]] = {one: {} for one in form_ids}
    rows = await tx.session.scalars(
        select(FormSignature).where(FormSignature.form_id.in_(form_ids)).order_by(FormSignature.id)
    )
    for row in rows:
        found[row.form_id][row.signed_as] = row
    return found


async def signed(tx: Tx, form_id: UUID) -> bool:
    """Whether everybody who has to sign the form has signed. Raises NotFound."""
    row = await form(tx, form_id)
    asked = form_of(await pack_version(tx, row.pack_version), row.form_id).signatures
    return set(asked) <= set((await signatures(tx, [row.id]))[row.id])


async def views(tx: Tx, rows: Sequence[IssuedForm]) -> list[FormView]:
    """The wire form, signatories' names masked, in the given order."""
    return await _views(tx, rows, await signatures(tx, [row.id for row in rows]))


async def _views(
    tx: Tx, rows: Iterable[IssuedForm], names: Mapping[UUID, Mapping[str, FormSignature]]
) -> list[FormView]:
    found = []
    for row in rows:
        pack = await pack_version(tx, row.pack_version)
        kind = form_of(pack, row.form_id)
        by_capacity = names[row.id]
        found.append(
            FormView(
                id=row.id,
                version=row.version,
                form_id=row.form_id,
                zh=kind.zh,
                en=kind.en,
                case_id=row.case_id,
                number=row.number,
                sheet_version=row.sheet_version,
                state=FormState(row.state),
                issued_at=row.issued_at,
                issued_by=row.issued_by_name,
                superseded_at=row.superseded_at,
                superseded_by_id=row.superseded_by_id,
                signatures=[
                    _box(pack, code, by_capacity.get(code), masked=True) for code in kind.signatures
                ],
                signed=set(kind.signatures) <= set(by_capacity),
            )
        )
    return found


def _box(pack: Pack, code: str, signature: FormSignature | None, *, masked: bool) -> SignatureView:
    zh, en = capacity(pack, code)
    if signature is None:
        return SignatureView(as_=code, zh=zh, en=en, name=None, signed_at=None)
    name = mask_name(signature.name) if masked else signature.name
    return SignatureView(as_=code, zh=zh, en=en, name=name, signed_at=signature.signed_at)


async def visible_forms(tx: Tx, case_id: UUID) -> list[FormView]:
    """The case's forms that the acting person may see. Raises NotFound (for a contractor)."""
    outside = from_outside(tx.actor.roles)
    if outside:
        await form_owner().require_visible(tx, case_id)
    return await forms_of(tx, case_id, works_only=outside)


async def forms_of(tx: Tx, case_id: UUID, *, works_only: bool = False) -> list[FormView]:
    """The case's forms, newest first, superseded ones too. works_only: what contractors see."""
    rows = await tx.session.execute(
        select(IssuedForm, FormSignature)
        .outerjoin(FormSignature, FormSignature.form_id == IssuedForm.id)
        .where(IssuedForm.case_id == case_id)
        .order_by(IssuedForm.issued_at.desc(), IssuedForm.id.desc(), FormSignature.id)
    )
    forms: dict[IssuedForm, None] = {}
    names: dict[UUID, dict[str, FormSignature]] = {}
    for row, signature in rows:
        kind = form_of(await pack_version(tx, row.pack_version), row.form_id)
        if works_only and not of_the_works(kind):
            continue
        forms[row] = None
        by_capacity = names.setdefault(row.id, {})
        if signature is not None:
            by_capacity[signature.signed_as] = signature
    return await _views(tx, forms, names)


async def head_of(tx: Tx, row: IssuedForm, pack: Pack, kind: Form) -> Head:
    """What the layout prints of the form itself, signatures included."""
    own = await company(tx)
    known = (await signatures(tx, [row.id]))[row.id]
    boxes = [_box(pack, code, known.get(code), masked=False) for code in kind.signatures]
    return Head(
        form_id=row.form_id,
        zh=kind.zh,
        en=kind.en,
        number=row.number,
        sheet_version=row.sheet_version,
        versioned=row.versioned,
        issued_at=row.issued_at,
        state=row.state,
        company_zh=own.name_zh,
        company_en=own.name_en,
        phone=pack.head.emergency_phone,
        time_zone=own.time_zone,
        signatures=tuple(
            {"as": box.as_, "zh": box.zh, "en": box.en, "name": box.name,
             "signed_at": box.signed_at}
            for box in boxes
        ),
    )  # fmt: skip


async def page(tx: Tx, row: IssuedForm) -> str:
    """The form as HTML, by the templates of its own edition. Names in full: leave a trace."""
    pack = await pack_version(tx, row.pack_version)
    kind = form_of(pack, row.form_id)
    return render(pack.templates, await head_of(tx, row, pack, kind), row.values)
