"""The console's doors to the pack in force, its editions and the calendar."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires, signed_in
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.policy.actions import enter_calendar_year, load_edition
from server.policy.calendar import CalendarYear, Holiday
from server.policy.queries import editions, pack_of, pack_version
from server.policy.views import (
    CalendarView,
    CalendarYearView,
    EditionsView,
    EditionView,
    PackView,
    ProcessesView,
    calendar_view,
    edition_views,
    pack_view,
    year_view,
)
from server.policy.wire import Pack
from server.web import IdempotencyKey

Version = Annotated[str | None, QueryParameter(max_length=300, pattern=r"^[^\x00]*$")]
FileText = Annotated[str, msgspec.Meta(max_length=400_000)]
FileName = Annotated[str, msgspec.Meta(max_length=120)]


class NewEdition(msgspec.Struct, forbid_unknown_fields=True):
    """A pack to be loaded: each file's text by its name (`pack.toml`, `processes/P01.toml`)."""

    files: Annotated[dict[FileName, FileText], msgspec.Meta(min_length=1, max_length=300)]
    in_force_from: date


Days = Annotated[list[date], msgspec.Meta(max_length=366)]


class NewCalendarYear(msgspec.Struct, forbid_unknown_fields=True):
    """The holidays of a year. Named runs of days may be given beside single days."""

    days_off: Days
    workdays: Days
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
    holidays: Annotated[list[Holiday], msgspec.Meta(max_length=60)] = []


async def _asked_for(tx: Tx, version: str | None) -> Pack:
    return await pack_of(tx) if version is None else await pack_version(tx, version)


class PolicyController(Controller):
    """What the company has promised and how it works."""

    path = "/api/policy"
    tags = ["policy"]

    @get("/", guards=[signed_in], operation_id="policy")
    async def policy(self, tx: NamedDependency[Tx], version: Version = None) -> PackView:
        """The pack in force, or a version something began under."""
        return pack_view(await _asked_for(tx, version))

    @get("/processes", guards=[signed_in], operation_id="policy_processes")
    async def processes(self, tx: NamedDependency[Tx], version: Version = None) -> ProcessesView:
        """Its processes as graphs."""
        pack = await _asked_for(tx, version)
        return ProcessesView(version=pack.version, processes=pack.processes)

    @get(
        "/editions",
        guards=[requires(Role.ADMINISTRATOR, Role.SUPERVISOR, Role.AUDITOR)],
        operation_id="policy_editions",
    )
    async def editions(self, tx: NamedDependency[Tx]) -> EditionsView:
        """The editions loaded or kept, and the one in force."""
        current = await pack_of(tx)
        return EditionsView(
            in_force=current.version, editions=edition_views(await editions(tx), current)
        )

    @post("/editions", guards=[requires(Role.ADMINISTRATOR)], operation_id="load_policy_edition")
    async def load(
        self, tx: NamedDependency[Tx], data: JSONBody[NewEdition], idempotency_key: IdempotencyKey
    ) -> EditionView:
        """Load a pack; it is in force from that day, without a restart. What already runs keeps
        the edition it began under."""

        async def make() -> EditionView:
            row = await load_edition(tx, data.files, data.in_force_from)
            current = await pack_of(tx)
            return EditionView(
                id=row.id,
                pack=row.pack,
                version=row.pack_version,
                in_force_from=row.in_force_from,
                in_force=row.pack_version == current.version,
                loaded_at=row.loaded_at,
                loaded_by=row.loaded_by_name,
            )

        return await once(tx, idempotency_key, ("load_policy_edition", data), make, EditionView)


class CalendarController(Controller):
    """The days that are worked."""

    path = "/api/calendar"
    tags = ["policy"]

    @get("/", guards=[signed_in], operation_id="calendar")
    async def calendar(self, tx: NamedDependency[Tx]) -> CalendarView:
        """The years that are known."""
        return await calendar_view(tx)

    @put("/{year:int}", guards=[requires(Role.ADMINISTRATOR)], operation_id="enter_calendar_year")
    async def enter(
        self, tx: NamedDependency[Tx], year: FromPath[int], data: JSONBody[NewCalendarYear]
    ) -> CalendarYearView:
        """Enter or replace the holidays of a year; running clocks are reckoned again."""
        names = {day: (one.zh, one.en) for one in data.holidays for day in one.days()}
        row = await enter_calendar_year(
            tx,
            CalendarYear(
                year,
                frozenset(data.days_off) | frozenset(names),
                frozenset(data.workdays),
                names,
                data.source,
            ),
        )
        return year_view(row)
