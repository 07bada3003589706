"""Which edition of which pack a company lives by, on a day or for ever, and its calendar.

An edition that was stored is read once by each process and kept: its version is a digest of what it
says, so it cannot become stale. What is in force is asked of the database once in a transaction.
Not here: loading a new one (`actions`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select, text

from server.access.queries import company, remember_company
from server.access.tables import Company
from server.db import Tx
from server.policy.calendar import Calendar, CalendarYear, shipped_years
from server.policy.loading import as_texts, load_pack, read_kept_pack
from server.policy.tables import CalendarReckoning, CalendarYearRow, PolicyEdition
from server.policy.wire import Pack
from server.refusal import NotFound

PACK_NOW = "policy_pack"
CALENDAR_NOW = "policy_calendar"
"""Keys under which a session remembers the transaction's answers."""

IN_FORCE = (
    select(
        Company,
        text(
            "(SELECT pack_version FROM policy_editions WHERE in_force_from <="
            " (CAST(:now AS timestamptz) AT TIME ZONE companies.time_zone)::date"
            " ORDER BY in_force_from DESC, loaded_at DESC, id DESC LIMIT 1)"
        ),
    )
    .where(Company.id == bindparam("company"))
    .execution_options(autoflush=False)
)
"""The company and its edition: asked in nearly every transaction, so by one statement."""

KEPT_MOST = 64
_kept: OrderedDict[tuple[UUID, str], Pack] = OrderedDict()
"""Editions read from the database by this process, by company and version."""


async def company_today(tx: Tx) -> date:
    """The day it is now by the company's time zone."""
    return tx.now.astimezone(ZoneInfo((await company(tx)).time_zone)).date()


async def pack_of(tx: Tx) -> Pack:
    """The policy pack in force for the transaction's company at `tx.now`: the edition loaded for
    the latest day that has come, or else the shipped pack the company names.

    One small query for each transaction, however often it is asked. Raises PackError (a fault, not
    a refusal) when the company names a pack that cannot be loaded.
    """
    remembered: Pack | None = tx.session.info.get(PACK_NOW)
    if remembered is not None:
        return remembered
    row, version = (
        await tx.session.execute(IN_FORCE, {"now": tx.now, "company": tx.company_id})
    ).one()
    remember_company(tx, row)
    pack = load_pack(row.policy_pack) if version is None else await _stored(tx, version)
    assert pack is not None, "an edition in force is stored"
    tx.session.info[PACK_NOW] = pack
    return pack


async def pack_version(tx: Tx, version: str) -> Pack:
    """The edition of that version, whatever is in force or shipped by now: a case keeps the one it
    began under. Raises NotFound when the company neither kept nor loaded nor has it now.
    """
    current = await pack_of(tx)
    if current.version == version:
        return current
    pack = await _stored(tx, version)
    if pack is None:
        raise NotFound(what="policy edition")
    return pack


async def _stored(tx: Tx, version: str) -> Pack | None:
    key = (tx.company_id, version)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    found = (
        await tx.session.execute(
            select(PolicyEdition.pack, PolicyEdition.files)
            .where(PolicyEdition.pack_version == version)
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        return None
    pack = read_kept_pack(found.pack, as_texts(found.files, version))
    _kept[key] = pack
    if len(_kept) > KEPT_MOST:
        _kept.popitem(last=False)
    return pack


async def is_kept(tx: Tx, version: str) -> bool:
    """Whether the edition is stored, and so stays readable whatever is shipped later."""
    found = await tx.session.scalar(
        select(PolicyEdition.id).where(PolicyEdition.pack_version == version).limit(1)
    )
    return found is not None


class EditionRow(NamedTuple):
    """An edition without its files."""

    id: UUID
    pack: str
    pack_version: str
    in_force_from: date | None
    loaded_at: Any
    loaded_by_name: str


async def editions(tx: Tx) -> list[EditionRow]:
    """Every stored edition, the newest first."""
    rows = await tx.session.execute(
        select(
            PolicyEdition.id,
            PolicyEdition.pack,
            PolicyEdition.pack_version,
            PolicyEdition.in_force_from,
            PolicyEdition.loaded_at,
            PolicyEdition.loaded_by_name,
        ).order_by(PolicyEdition.loaded_at.desc(), PolicyEdition.id.desc())
    )
    return [EditionRow(*row) for row in rows]


def year_of(row: CalendarYearRow) -> CalendarYear:
    """A stored year as the calendar reckons with it."""
    return CalendarYear(
        row.year,
        frozenset(row.days_off),
        frozenset(row.workdays),
        {date.fromisoformat(day): (names[0], names[1]) for day, names in row.names.items()},
        row.source,
    )


async def calendar(tx: Tx) -> Calendar:
    """The working days of the transaction's company: the shipped years, and those it entered
    itself in their place. Read once in a transaction."""
    remembered: Calendar | None = tx.session.info.get(CALENDAR_NOW)
    if remembered is not None:
        return remembered
    years = {year.year: year for year in shipped_years()}
    years |= {row.year: year_of(row) for row in await entered_years(tx)}
    made = Calendar(years.values())
    tx.session.info[CALENDAR_NOW] = made
    return made


async def entered_years(tx: Tx) -> Sequence[CalendarYearRow]:
    """The years the company entered, the earliest first."""
    rows = await tx.session.scalars(select(CalendarYearRow).order_by(CalendarYearRow.year))
    return rows.all()


async def entered_years_of(tx: Tx, ids: Sequence[UUID]) -> Sequence[CalendarYearRow]:
    """Years by their ids."""
    rows = await tx.session.scalars(select(CalendarYearRow).where(CalendarYearRow.id.in_(ids)))
    return rows.all()


async def reckoning_since(tx: Tx) -> datetime | None:
    """When the calendar was changed by which clocks are still being reckoned again, or None."""
    return await tx.session.scalar(select(CalendarReckoning.since))


async def locked_year(tx: Tx, year: int) -> CalendarYearRow | None:
    """The company's own entry of a year, locked."""
    return await tx.session.scalar(
        select(CalendarYearRow).where(CalendarYearRow.year == year).with_for_update()
    )
