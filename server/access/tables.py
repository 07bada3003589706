"""Rows of companies, people, sessions, phones and the traces of access.

Only hashes of secrets are stored. Lifetimes of secrets are wall time, because a drill may make
business time run sixty times as fast.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.actor import Role
from server.db import Base, CompanyOwned, Versioned, fk, moment
from server.db.rows import CURRENT_COMPANY

_ROLES = ", ".join(f"'{role.value}'" for role in Role)


class Company(Base):
    """A gas company: the tenant. Its own row is the only one of this table it can see."""

    __tablename__ = "companies"
    __table_args__ = (CheckConstraint("code ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="code"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, server_default=text(CURRENT_COMPANY))
    code: Mapped[str] = mapped_column(unique=True)
    """What people type on the sign-in screen: lower-case letters, digits and hyphens."""
    name_zh: Mapped[str]
    name_en: Mapped[str]
    time_zone: Mapped[str]
    """IANA name; storage is UTC, only screens and reports use this."""
    policy_pack: Mapped[str]
    """Folder name of the policy pack this company lives by."""
    created_at: Mapped[datetime] = moment()


class Person(CompanyOwned, Versioned, Base):
    """Someone who signs in or carries a phone. Never deleted: the timeline names them."""

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("company_id", "username"),
        CheckConstraint("username = lower(username) AND username <> ''", name="username"),
        CheckConstraint(f"roles <@ ARRAY[{_ROLES}]::text[]", name="roles"),
    )

    username: Mapped[str]
    """Lower case; unique in the company."""
    name: Mapped[str]
    roles: Mapped[list[str]]
    password_hash: Mapped[str | None]
    """Argon2id in PHC form; null: this person has a phone but no sign-in."""
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    """False: no sign-in, no phone, existing sessions end."""
    created_at: Mapped[datetime] = moment()


class ConsoleSession(CompanyOwned, Base):
    """One browser signed in. All times are wall time."""

    __tablename__ = "console_sessions"
    __table_args__ = (
        fk("people", "person_id"),
        UniqueConstraint("company_id", "token_hash"),
        Index("ix_console_sessions_person", "company_id", "person_id"),
    )

    person_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the cookie; the cookie itself is nowhere but in the browser."""
    address: Mapped[str]
    """Client address at sign-in, for the administrator's eye only."""
    started_at: Mapped[datetime] = moment()
    last_used_at: Mapped[datetime] = moment()
    """Coarse: refreshed at most once a minute."""
    ends_at: Mapped[datetime] = moment()
    """The absolute end, whatever the use."""
    ended_at: Mapped[datetime | None] = moment(nullable=True)
    """Signed out or revoked."""


class Phone(CompanyOwned, Versioned, Base):
    """A paired phone: one person, one device, one revocable token. All times are wall time."""

    __tablename__ = "phones"
    __table_args__ = (
        fk("people", "person_id"),
        UniqueConstraint("company_id", "token_hash"),
        Index("ix_phones_person", "company_id", "person_id"),
    )

    person_id: Mapped[UUID]
    device_name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the bearer token; the token itself is nowhere but in the phone."""
    paired_at: Mapped[datetime] = moment()
    last_used_at: Mapped[datetime] = moment()
    """Coarse: refreshed at most once a minute."""
    revoked_at: Mapped[datetime | None] = moment(nullable=True)


class PhonePairing(CompanyOwned, Base):
    """A pairing code read aloud or shown once to a crew member. All times are wall time."""

    __tablename__ = "phone_pairings"
    __table_args__ = (
        fk("people", "person_id"),
        fk("phones", "phone_id"),
        Index("ix_phone_pairings_code", "company_id", "code_hash"),
    )

    person_id: Mapped[UUID]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = moment()
    expires_at: Mapped[datetime] = moment()
    used_at: Mapped[datetime | None] = moment(nullable=True)
    phone_id: Mapped[UUID | None]
    """The phone that came of it."""


class SignInFailures(Base):
    """How often one door was tried in vain in one window of time.

    Has no company: a wrong company code must count too, and one address may try many companies.
    Holds a hash of the door's name and a number, nothing about anybody.
    """

    __tablename__ = "sign_in_failures"

    door: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the kind of door and its name (company and username, or client address)."""
    failures: Mapped[int] = mapped_column(Integer)
    """Attempts begun and not (yet) successful: counted before the password is looked at."""
    window_started_at: Mapped[datetime] = moment()


class AccessTrace(CompanyOwned, Base):
    """Somebody looked behind a mask or changed who may come in. Append-only; for auditors."""

    __tablename__ = "access_traces"
    __table_args__ = (Index("ix_access_traces_at", "company_id", "at"),)

    at: Mapped[datetime] = moment()
    """Wall time."""
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    verb: Mapped[str]
    """Stable word: signed_in, unmasked_caller, created_person, revoked_phone …"""
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    """In the actor's words, where a reason is asked for."""
    params: Mapped[dict[str, Any]]


class NumberSeries(Base):
    """The last number given in a series (`incident-20261121`, `call-20261121` …), without holes:
    a number is only ever seen after the commit that gave it.
    """

    __tablename__ = "number_series"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(Integer)
