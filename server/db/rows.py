"""What all rows share: base class, company ownership, versions, column kinds.

Not here: sessions and transactions (`tx`).
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Text,
    Uuid,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    UOWTransaction,
    declared_attr,
    mapped_column,
)
from sqlalchemy.orm.attributes import flag_modified

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

COMPANY_SETTING = "changming.company_id"
"""The per-transaction setting that row-level security compares every row with."""

CURRENT_COMPANY = f"(NULLIF(current_setting('{COMPANY_SETTING}', true), ''))::uuid"
"""SQL: the company of this transaction, or null (which matches no row)."""


class Base(DeclarativeBase):
    """All tables. No relationships: rooms join by id in their queries."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(Uuid()),
    }


def new_id() -> UUID:
    """A time-ordered random id (UUID version 7, RFC 9562), so that indexes grow at their end."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


class CompanyOwned:
    """A row of one company. The key starts with the company so that no foreign key, index or
    forgotten WHERE can reach across; the value comes from the transaction, never from a caller.
    """

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY), sort_order=-20
    )
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id, sort_order=-19)


COMPANY_INFO = "company_id"
"""The key under which a session knows its transaction's company."""


@event.listens_for(Session, "before_flush")
def _give_company(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    """Put the transaction's company into its new rows before they are written.

    The database would fill it in by itself (and checks it in any case), but a key only it knows
    has to be read back, which costs one round trip for each row instead of one for all.
    """
    company_id = session.info.get(COMPANY_INFO)
    for row in session.new:
        if isinstance(row, CompanyOwned) and row.company_id is None:
            row.company_id = company_id


class Versioned:
    """A row whose every change is counted; screens replace an older version by a newer one."""

    version: Mapped[int] = mapped_column(Integer, nullable=False, default=1, sort_order=-10)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}

    def count_up(self) -> None:
        """Count a change of the picture that lies in another table (an answer owed, a proposal).

        Screens replace an older version by a newer one; a picture that changed must not keep its
        version. Takes effect at the next flush, together with the row's own changes if any.
        """
        own = {"company_id", "id", "version"}
        names = inspect(type(self)).column_attrs.keys()
        flag_modified(self, next(name for name in names if name not in own))


def fk(table: str, column: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Foreign key (company_id, `column`) → `table`: a row can only point inside its company."""
    return ForeignKeyConstraint(
        ["company_id", column], [f"{table}.company_id", f"{table}.id"], ondelete=ondelete
    )


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The column holds a value of the enum (the one place the words are written)."""
    allowed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def point_column(*, nullable: bool = False, index: bool = True) -> Mapped[Any]:
    """A WGS-84 point (EPSG:4326) with a GiST index."""
    return mapped_column(Geometry("POINT", srid=4326, spatial_index=index), nullable=nullable)


def moment(*, nullable: bool = False) -> Mapped[Any]:
    """A UTC instant."""
    return mapped_column(DateTime(timezone=True), nullable=nullable)
