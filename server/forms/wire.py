"""What goes over the wire about issued forms."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Text with something in it, and without NUL, which PostgreSQL cannot store."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=NOT_BLANK)]


class FormState(StrEnum):
    """Whether a form counts."""

    ISSUED = "issued"
    SUPERSEDED = "superseded"  # a newer version took its place
    VOID = "void"  # withdrawn without a successor


class SignatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One signature box of a form; `name` is masked, null while nobody has signed."""

    as_: str = msgspec.field(name="as")
    zh: str
    en: str
    name: str | None
    signed_at: datetime | None


class FormView(msgspec.Struct, frozen=True, kw_only=True):
    """An issued form as lists show it, without what was filled in."""

    id: UUID
    version: int
    form_id: str
    zh: str
    en: str
    case_id: UUID | None
    number: str | None
    sheet_version: int
    state: FormState
    issued_at: datetime
    issued_by: str
    superseded_at: datetime | None
    superseded_by_id: UUID | None
    signatures: list[SignatureView]
    signed: bool
    """Everybody who has to sign has signed (true of a form nobody signs)."""


class SignatureIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody signed the form in this capacity."""

    as_: Name = msgspec.field(name="as")
    name: Name
    signed_at: datetime | None = None
    """When it was signed on paper; null: now. Never in the future."""
