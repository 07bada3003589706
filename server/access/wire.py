"""What goes over the wire about people, sessions and phones."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from server.actor import Role

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]


class SignIn(Struct, forbid_unknown_fields=True):
    """Body of POST /api/session."""

    company: ShortText
    username: ShortText
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class MePerson(Struct):
    """The signed-in person."""

    id: UUID
    name: str
    username: str
    roles: list[Role]


class CompanyView(Struct):
    """The company as its own screens see it."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    time_zone: str
    policy_pack: str


class Me(Struct):
    """Who is signed in. `csrf_token` goes into X-CSRF-Token of every unsafe request."""

    person: MePerson
    company: CompanyView
    csrf_token: str


class PersonView(Struct):
    """A person as the administrator sees them."""

    id: UUID
    username: str
    name: str
    roles: list[Role]
    active: bool
    can_sign_in: bool
    version: int


class NewPerson(Struct, forbid_unknown_fields=True):
    """Body of POST /api/people. Without a password the person can only carry a phone."""

    username: ShortText
    name: ShortText
    roles: Annotated[list[Role], Meta(min_length=1)]
    password: Annotated[str, Meta(max_length=1024)] | None = None


class PersonChange(Struct, forbid_unknown_fields=True):
    """Body of PATCH /api/people/{id}; what is left out stays."""

    name: ShortText | None = None
    roles: Annotated[list[Role], Meta(min_length=1)] | None = None
    active: bool | None = None


class NewPassword(Struct, forbid_unknown_fields=True):
    """Body of POST /api/people/{id}/password."""

    password: Annotated[str, Meta(max_length=1024)]


class OwnPassword(Struct, forbid_unknown_fields=True):
    """Body of POST /api/me/password: the old one again, because a desk may stand unattended."""

    old_password: Annotated[str, Meta(max_length=1024)]
    new_password: Annotated[str, Meta(max_length=1024)]


class PhoneView(Struct):
    """A paired phone as the administrator sees it. Times are wall time."""

    id: UUID
    person_id: UUID
    person_name: str
    device_name: str
    paired_at: datetime
    last_used_at: datetime
    revoked_at: datetime | None


class NewPairing(Struct, forbid_unknown_fields=True):
    """Body of POST /api/phones/pairings."""

    person_id: UUID


class PairingView(Struct):
    """A pairing code, shown once."""

    code: str
    expires_at: datetime


class TraceView(Struct):
    """One trace of access, for auditors."""

    id: UUID
    at: datetime
    actor_kind: str
    actor_name: str
    verb: str
    subject_kind: str
    subject_id: UUID | None
    reason: str | None
    params: dict[str, object]
