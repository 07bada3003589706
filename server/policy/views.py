"""How the pack in force, its editions and the calendar look to screens.

Not here: the pack itself (`wire`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from server.db import Tx
from server.feed import Kind, Representation, represents
from server.policy.calendar import CalendarYear, shipped_years
from server.policy.queries import (
    EditionRow,
    entered_years,
    entered_years_of,
    reckoning_since,
    year_of,
)
from server.policy.tables import CalendarYearRow
from server.policy.wire import Cause, ClassRule, Clause, Pack, PackHead
from server.policy.wire_papers import (
    BusinessHours,
    CallBackRules,
    Channel,
    CompanyRole,
    DeferralRules,
    Document,
    FeeRule,
    Form,
    NoticeRule,
    OrderNeeds,
    QuietHours,
    Ratio,
    ServiceHours,
)
from server.policy.wire_processes import CustomerClass, Process


class PackView(msgspec.Struct, kw_only=True):
    """A pack without its processes and templates."""

    head: PackHead
    version: str
    class_rules: tuple[ClassRule, ...]
    clauses: tuple[Clause, ...]
    causes: tuple[Cause, ...]
    customer_classes: tuple[CustomerClass, ...]
    roles: tuple[CompanyRole, ...]
    channels: tuple[Channel, ...]
    documents: tuple[Document, ...]
    forms: tuple[Form, ...]
    fees: tuple[FeeRule, ...]
    notices: tuple[NoticeRule, ...]
    quiet_hours: tuple[QuietHours, ...]
    service_hours: tuple[ServiceHours, ...]
    business_hours: BusinessHours
    ratios: tuple[Ratio, ...]
    call_backs: CallBackRules
    deferrals: DeferralRules
    order_needs: dict[str, OrderNeeds]


def pack_view(pack: Pack) -> PackView:
    """A pack as the viewer shows it."""
    return PackView(**{name: getattr(pack, name) for name in PackView.__struct_fields__})


class ProcessesView(msgspec.Struct, kw_only=True):
    """The processes of a pack, as graphs."""

    version: str
    processes: tuple[Process, ...]


class EditionView(msgspec.Struct, kw_only=True):
    """A stored edition. `in_force_from` null: it is only kept for what began under it."""

    id: UUID
    pack: str
    version: str
    in_force_from: date | None
    in_force: bool
    """Whether it is the one in force now."""
    loaded_at: datetime
    loaded_by: str


class EditionsView(msgspec.Struct, kw_only=True):
    """What is in force now and every stored edition, the newest first."""

    in_force: str
    editions: list[EditionView]


def edition_views(rows: Sequence[EditionRow], current: Pack) -> list[EditionView]:
    """Editions as an administrator sees them."""
    return [
        EditionView(
            id=row.id,
            pack=row.pack,
            version=row.pack_version,
            in_force_from=row.in_force_from,
            in_force=row.in_force_from is not None and row.pack_version == current.version,
            loaded_at=row.loaded_at,
            loaded_by=row.loaded_by_name,
        )
        for row in rows
    ]


class NamedDay(msgspec.Struct, kw_only=True):
    """A day off and what it is called."""

    day: date
    zh: str
    en: str


class CalendarYearView(msgspec.Struct, kw_only=True):
    """One year of the calendar."""

    year: int
    days_off: list[date]
    workdays: list[date]
    names: list[NamedDay]
    source: str
    shipped: bool
    """True: it came with the program and the company entered none of its own."""
    entered_at: datetime | None
    entered_by: str | None


class CalendarView(msgspec.Struct, kw_only=True):
    """The years that are known; any other is Monday to Friday, and what falls due in it
    provisional."""

    years: list[CalendarYearView]
    reckoning_since: datetime | None = None
    """The calendar was changed then, and not every clock has been reckoned again yet."""


def _view(year: CalendarYear, row: CalendarYearRow | None) -> CalendarYearView:
    return CalendarYearView(
        year=year.year,
        days_off=sorted(year.days_off),
        workdays=sorted(year.workdays),
        names=[NamedDay(day=day, zh=zh, en=en) for day, (zh, en) in sorted(year.names.items())],
        source=year.source,
        shipped=row is None,
        entered_at=None if row is None else row.entered_at,
        entered_by=None if row is None else row.entered_by_name,
    )


def year_view(row: CalendarYearRow) -> CalendarYearView:
    """A year the company entered."""
    return _view(year_of(row), row)


async def calendar_view(tx: Tx) -> CalendarView:
    """Every known year, the earliest first."""
    views = {year.year: _view(year, None) for year in shipped_years()}
    views |= {row.year: year_view(row) for row in await entered_years(tx)}
    return CalendarView(
        years=[views[year] for year in sorted(views)], reckoning_since=await reckoning_since(tx)
    )


@represents(Kind.CALENDAR)
async def calendar_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Entered years for the feed."""
    return [
        Representation(row.id, row.version, year_view(row))
        for row in await entered_years_of(tx, ids)
    ]
