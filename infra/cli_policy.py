"""Commands about policy packs and the calendar: check, show, compare, explain, draw, import.

Belongs here: what is printed. Does not belong here: what a pack must be (`server.policy`), how a
deadline is reckoned (`server.promises`), the drawing (`policy_docs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import msgspec

from infra.checkout import ROOT
from infra.commanding import in_company, with_database
from infra.policy_docs import PROCESSES, processes_document
from server.policy.calendar import Calendar, read_year, shipped_years
from server.policy.files import HEAD_FILE
from server.policy.loading import PACKS_FOLDER, PackError, load_pack, problems_of, shipped_packs
from server.policy.wire import Pack, SubjectKind
from server.promises.rules_explain import brief, lines
from server.promises.rules_terms import Known, Pause, occurrences
from server.promises.rules_worktime import WorkTime

if TYPE_CHECKING:
    from server.db import Database

ZONE = "Asia/Shanghai"


@click.group("policy")
def policy() -> None:
    """Policy packs: check what somebody writes, show what a company promises.

    A pack is named by its folder's name among the shipped packs, or by the folder itself.
    """


def packs_in(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A folder of packs and the names in it; a folder that is one pack counts as that pack."""
    if (folder / HEAD_FILE).is_file():
        folder = folder.resolve()
        return folder.parent, (folder.name,)
    return folder, shipped_packs(folder)


def pack_called(name: str) -> Pack:
    """A pack by name or folder. Raises ClickException naming what is wrong with it."""
    folder = Path(name)
    home = folder.resolve().parent if (folder / HEAD_FILE).is_file() else PACKS_FOLDER
    try:
        return load_pack(folder.resolve().name if home is not PACKS_FOLDER else name, home)
    except PackError as error:
        raise click.ClickException(str(error)) from None


@policy.command("check")
@click.argument(
    "folder",
    required=False,
    default=PACKS_FOLDER,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def check(folder: Path) -> None:
    """Say everything that is wrong with the packs in FOLDER: file, line, key and why.

    FOLDER is a folder of packs or one pack; without it, the packs shipped with the program.
    """
    home, names = packs_in(folder)
    if not names:
        raise click.ClickException(f"There is no pack in {folder}.")
    wrong = 0
    for name in names:
        problems = problems_of(name, home)
        wrong += len(problems)
        click.echo(f"{name}: " + (f"{len(problems)} wrong" if problems else "good"))
        for problem in problems:
            click.echo(f"  {problem}")
    if wrong:
        raise click.ClickException(f"{wrong} things are wrong.")


@policy.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show the pack NAME: what it promises, whom it classes how, what it can do."""
    pack = pack_called(name)
    click.echo(f"{pack.head.zh} · {pack.head.en}\n{pack.version}\n{pack.head.source}")
    for subject in SubjectKind:
        clauses = [clause for clause in pack.clauses if clause.subject is subject]
        if clauses:
            click.echo(f"\n{subject.value}")
        for clause in clauses:
            limit = _short(msgspec.to_builtins(clause.limit))
            click.echo(
                f"  {clause.id:16} {clause.start} → {clause.what}  {limit}  "
                f"[{clause.standing.value}]  {clause.zh}"
            )
    click.echo("\ncustomer classes")
    for class_ in pack.customer_classes:
        click.echo(f"  {class_.id:24} {class_.zh}  {_short(msgspec.to_builtins(class_.when))}")
    click.echo("\nprocesses")
    for process in pack.processes:
        click.echo(f"  {process.id:8} {process.zh} · {process.en}  ({len(process.steps)} steps)")
    for title, ids in (
        ("documents", [one.id for one in pack.documents]),
        ("forms", [one.id for one in pack.forms]),
        ("roles", [one.id for one in pack.roles]),
        ("channels", [one.id for one in pack.channels]),
        ("fees", [one.id for one in pack.fees]),
        ("causes", [one.code for one in pack.causes]),
    ):
        click.echo(f"\n{title}\n  {', '.join(ids) or '-'}")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_short(one)}" for key, one in value.items() if one is not None)
    if isinstance(value, list):
        return ",".join(_short(one) for one in value)
    return str(value)


@policy.command("diff")
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str) -> None:
    """Say what differs between two packs: OLD and NEW are names or folders."""
    before, after = (_plain(pack_called(name)) for name in (old, new))
    differences = list(differences_between(before, after))
    for one in differences:
        click.echo(one)
    click.echo(f"{len(differences)} differences.")


def _plain(pack: Pack) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(pack))
    for name in ("texts", "sources"):
        del plain[name]
    return plain


def _named(items: list[Any]) -> dict[str, Any] | None:
    """A list of things with an id, by id; None for any other list."""
    for key in ("id", "code", "key", "answer"):
        if items and all(isinstance(item, dict) and key in item for item in items):
            named = {str(item[key]): item for item in items}
            if len(named) == len(items):
                return named
    return None


def _what(thing: Any) -> str:
    return f"  {thing['zh']}" if isinstance(thing, dict) and "zh" in thing else ""


def differences_between(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """One line for each thing that was added (+), left out (-) or changed (~)."""
    if isinstance(before, list) and isinstance(after, list):
        old, new = _named(before), _named(after)
        if (old is not None or not before) and (new is not None or not after):
            before, after = old or {}, new or {}
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            where = f"{path}.{key}" if path else key
            if key not in after:
                yield f"- {where}{_what(before[key])}"
            elif key not in before:
                yield f"+ {where}{_what(after[key])}"
            else:
                yield from differences_between(before[key], after[key], where)
    elif before != after:
        yield f"~ {path}: {_short(before) or '-'} → {_short(after) or '-'}"


class LocalInstant(click.ParamType[datetime]):
    """A date and time of the company, as people write it: 2026-09-24T10:00."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            told = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is no instant such as 2026-09-24T10:00", param, ctx)
        return (told if told.tzinfo else told.replace(tzinfo=ZoneInfo(ZONE))).astimezone(UTC)


@policy.command("explain")
@click.argument("name")
@click.argument("clause_id", metavar="CLAUSE")
@click.option("--start", type=LocalInstant(), help="When the starting fact happened.")
@click.option("--stop", type=LocalInstant(), help="When the stopping fact happened, if it has.")
@click.option(
    "--fact", "facts", type=(str, LocalInstant()), multiple=True, help="Any other fact: NAME WHEN."
)
@click.option(
    "--date", "dates", type=(str, LocalInstant()), multiple=True, help="An agreed date: NAME WHEN."
)
@click.option(
    "--pause",
    "pauses",
    type=(str, LocalInstant(), LocalInstant()),
    multiple=True,
    help="A pause: CAUSE FROM TO.",
)
def explain(
    name: str,
    clause_id: str,
    start: datetime | None,
    stop: datetime | None,
    facts: tuple[tuple[str, datetime], ...],
    dates: tuple[tuple[str, datetime], ...],
    pauses: tuple[tuple[str, datetime, datetime], ...],
) -> None:
    """Quote a CLAUSE of the pack NAME; with --start, give the arithmetic of its deadline.

    Instants are in the company's time zone. The shipped calendar is used.
    """
    pack = pack_called(name)
    clause = pack.clause(clause_id)
    if clause is None:
        raise click.ClickException(f"{pack.name} has no clause {clause_id}.")
    click.echo(f"{clause.id}  {clause.zh}\n{clause.en}\n«{clause.quote}»\n{clause.source}")
    if clause.reading:
        click.echo(f"reading: {clause.reading}")
    click.echo(f"{clause.start} → {clause.what}: {_short(msgspec.to_builtins(clause.limit))}")
    if start is None:
        return
    told: dict[str, list[datetime]] = {clause.start: [start]}
    for what in clause.start_also:
        told.setdefault(what, [start])
    for what, at in facts:
        told[what] = sorted([*(told.get(what, []) if what != clause.start else []), at])
    if stop is not None:
        told.setdefault(clause.what, []).append(stop)
    hours = pack.business_hours
    work = WorkTime(Calendar(shipped_years()), hours.opens, hours.closes, ZoneInfo(ZONE))
    known = Known(told, dict(dates), [Pause(*pause) for pause in pauses])
    found = occurrences(clause, known, work)
    if not found:
        raise click.ClickException("No clock begins with these facts.")
    causes = {cause.code: cause for cause in pack.causes}
    for one in found:
        short = brief(one, work)
        click.echo(f"\n{short.zh}\n{short.en}\n")
        for line in lines(one, known, work, causes):
            click.echo(f"  {line.zh}\n    {line.en}")


@click.command("processes")
@click.option("--check", is_flag=True, help="Only say whether the document is up to date.")
def processes(*, check: bool) -> None:
    """Draw the processes of all shipped packs into docs/processes.md."""
    text = processes_document(tuple(load_pack(name) for name in shipped_packs()))
    if not check:
        PROCESSES.write_text(text, encoding="utf-8")
        click.echo(f"Written: {PROCESSES.relative_to(ROOT)}")
    elif not PROCESSES.is_file() or PROCESSES.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{PROCESSES.name} is out of date. Run: changming processes")
    else:
        click.echo("Up to date.")


@click.group("calendar")
def calendar() -> None:
    """Holidays and make-up workdays."""


@calendar.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--company", required=True, help="The company's code.")
def import_calendar(file: Path, company: str) -> None:
    """Enter or replace a year from a TOML FILE; running clocks are reckoned again.

    The FILE has year, source, workdays = [dates], and [[holidays]] with zh, en, first, last (or
    days_off = [dates]); server/policy/calendars/cn-2026.toml is one.
    """
    from server.policy.actions import enter_calendar_year

    try:
        year = read_year(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from None

    async def bring_in(database: Database) -> int:
        async with in_company(database, company) as tx:
            return (await enter_calendar_year(tx, year)).year

    click.echo(
        f"Calendar {with_database(bring_in)}: {len(year.days_off)} days off, "
        f"{len(year.workdays)} make-up workdays."
    )
