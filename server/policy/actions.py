"""Loading an edition of a pack, keeping one that something began under, entering a year's holidays.

Not here: what a pack must be (`loading`), what a year's days must be (`calendar`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date

from sqlalchemy.dialects.postgresql import insert

from server.db import Tx, new_id
from server.feed import Kind, touch
from server.policy.calendar import CalendarYear, misfits
from server.policy.changes import calendar_changed
from server.policy.files import HEAD_FILE
from server.policy.loading import as_texts, inherited, problems_in, read_pack
from server.policy.queries import CALENDAR_NOW, PACK_NOW, company_today, is_kept, locked_year
from server.policy.tables import CalendarYearRow, PolicyEdition
from server.policy.wire import Pack
from server.refusal import Refusal


class PackRefused(Refusal):
    """The files are no pack that may be used; `problems` names file, line and key of each."""

    code = "pack_refused"
    status = 422
    zh = "策略包有 {count} 处错误，未载入；第一处：{first}"
    en = "The pack has {count} mistakes and was not loaded; the first: {first}"


class InForceInThePast(Refusal):
    """An edition begins today or later: what happened is not judged by rules that came after."""

    code = "in_force_in_the_past"
    status = 422
    zh = "生效日期不得早于今天（{today}）"
    en = "An edition cannot be in force from a day before today ({today})."


class CalendarRefused(Refusal):
    """The days are not those of a year's notice."""

    code = "calendar_refused"
    status = 422
    zh = "{year} 年放假安排有误：{why}"
    en = "The holidays of {year} are not right: {why}."


async def load_edition(tx: Tx, files: Mapping[str, str], in_force_from: date) -> PolicyEdition:
    """Make a pack the company's from a day on, in every process, without a restart.

    files: text by name; what the pack leaves out is taken from the shipped pack it extends, and
    stored with it. Of two for the same day the one loaded later holds. Raises PackRefused,
    InForceInThePast.
    """
    today = await company_today(tx)
    if in_force_from < today:
        raise InForceInThePast(today=today.isoformat())
    name = _name_in(files)
    own = as_texts(files, name)
    problems = problems_in(name, own)
    if problems:
        raise PackRefused(
            count=len(problems),
            first=str(problems[0]),
            problems=[
                {"file": one.file, "line": one.line, "key": one.key, "why": one.why}
                for one in problems
            ],
        )
    pack = read_pack(name, inherited(name, own))
    row = _row_of(tx, pack, in_force_from)
    tx.session.add(row)
    await tx.session.flush()
    tx.session.info.pop(PACK_NOW, None)
    return row


def _name_in(files: Mapping[str, str]) -> str:
    """The name a sent pack gives itself; what else is wrong is found by whoever reads it whole."""
    for file, text in files.items():
        if "\0" in text:
            raise _refused(f"{file}: has a character no text may have")
    try:
        name = tomllib.loads(files.get(HEAD_FILE, "")).get("name")
    except (ValueError, RecursionError) as error:
        raise _refused(f"{HEAD_FILE}: {error}") from error
    if not isinstance(name, str) or not name:
        raise _refused(f"{HEAD_FILE}: name: is missing")
    return name


def _refused(why: str) -> PackRefused:
    return PackRefused(count=1, first=why, problems=[])


def _row_of(tx: Tx, pack: Pack, in_force_from: date | None) -> PolicyEdition:
    return PolicyEdition(
        id=new_id(),
        pack=pack.name,
        pack_version=pack.version,
        files=dict(pack.texts),
        in_force_from=in_force_from,
        loaded_at=tx.now,
        loaded_by=tx.actor.id,
        loaded_by_name=tx.actor.name,
    )


async def remember(tx: Tx, pack: Pack) -> None:
    """Keep an edition whole, because something began under it. Idempotent, also in a race."""
    if await is_kept(tx, pack.version):
        return
    await tx.session.execute(
        insert(PolicyEdition)
        .values(
            id=new_id(),
            pack=pack.name,
            pack_version=pack.version,
            files=dict(pack.texts),
            loaded_at=tx.now,
            loaded_by=tx.actor.id,
            loaded_by_name=tx.actor.name,
        )
        .on_conflict_do_nothing()
    )


async def enter_calendar_year(tx: Tx, year: CalendarYear) -> CalendarYearRow:
    """Enter or replace the holidays of a year; whoever reckoned with them is told.

    Raises CalendarRefused.
    """
    for why in misfits(year):
        raise CalendarRefused(year=year.year, why=why)
    row = await locked_year(tx, year.year)
    if row is None:
        # Two who enter the same year at once both find a row here.
        await tx.session.execute(
            insert(CalendarYearRow)
            .values(
                id=new_id(),
                version=1,
                year=year.year,
                days_off=[],
                workdays=[],
                names={},
                source=year.source,
                entered_at=tx.now,
                entered_by_name=tx.actor.name,
            )
            .on_conflict_do_nothing()
        )
        row = await locked_year(tx, year.year)
        assert row is not None, "it was inserted here or by whoever was first"
    row.days_off = sorted(year.days_off)
    row.workdays = sorted(year.workdays)
    row.names = {day.isoformat(): list(names) for day, names in sorted(year.names.items())}
    row.source = year.source
    row.entered_at = tx.now
    row.entered_by = tx.actor.id
    row.entered_by_name = tx.actor.name
    await tx.session.flush()
    tx.session.info.pop(CALENDAR_NOW, None)
    touch(tx, Kind.CALENDAR, row.id)
    await calendar_changed(tx)
    return row
