"""Rows of issued forms and of the signatures on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.forms.wire import FormState


class IssuedForm(CompanyOwned, Versioned, Base):
    """One form as it was issued. What it says never changes; a newer one supersedes it."""

    __tablename__ = "issued_forms"
    __table_args__ = (
        one_of("state", FormState),
        fk("cases", "case_id"),
        Index("ix_issued_forms_case", "company_id", "case_id", "issued_at"),
        Index(
            "uq_issued_forms_number", "company_id", "form_id", "number", "sheet_version",
            unique=True,
        ),
        # Two live versions of one sheet would send two crews by different words.
        Index(
            "uq_issued_forms_live", "company_id", "case_id", "form_id",
            unique=True, postgresql_where=text("versioned AND state = 'issued'"),
        ),
    )  # fmt: skip

    form_id: Mapped[str]
    """The form of the pack (`forms.toml`)."""
    case_id: Mapped[UUID | None]
    """Null for what belongs to no case: an outage notice, a month's ledger."""
    number: Mapped[str | None]
    """Running within the form and the day; the versions of one sheet share it."""
    versioned: Mapped[bool] = mapped_column(Boolean)
    sheet_version: Mapped[int] = mapped_column(Integer)
    """1, 2 …: the version of the sheet, as printed (the row's own counter is `version`)."""
    state: Mapped[str]
    pack_version: Mapped[str]
    """The edition whose template and wording it keeps for ever."""
    values: Mapped[dict[str, Any]]
    """What was filled in, as plain JSON. Names and numbers of people in full: read with a trace."""
    issued_at: Mapped[datetime] = moment()
    issued_by: Mapped[UUID | None]
    issued_by_name: Mapped[str]
    superseded_at: Mapped[datetime | None] = moment(nullable=True)
    superseded_by_id: Mapped[UUID | None]
    """The form that took its place; null with a time: withdrawn without a successor."""


class FormSignature(CompanyOwned, Base):
    """One signature on one form. Append-only."""

    __tablename__ = "form_signatures"
    __table_args__ = (
        fk("issued_forms", "form_id"),
        Index("uq_form_signatures_as", "company_id", "form_id", "signed_as", unique=True),
    )

    form_id: Mapped[UUID]
    signed_as: Mapped[str]
    """The capacity: a signatory the form names (customer, contractor, design …)."""
    name: Mapped[str]
    signed_at: Mapped[datetime] = moment()
    recorded_at: Mapped[datetime] = moment()
    recorded_by: Mapped[UUID | None]
    recorded_by_name: Mapped[str]
