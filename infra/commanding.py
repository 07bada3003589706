"""What the commands of `changming` share: a database, one transaction of a company, progress.

Belongs here: turning problems and refusals into a command's error. Does not belong here: any one
command (`cli_…`).
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from infra.deployment import settings_here
from infra.machine import SetupProblem

if TYPE_CHECKING:
    from server.db import Database, Tx
    from server.settings import Settings

Answer = TypeVar("Answer")


class Progress:
    """One line that says what is being done and how much of it; quiet without a terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def __call__(self, what: str, share: float) -> None:
        if self._live:
            click.echo(f"\r\x1b[2K{share:4.0%}  {what}", err=True, nl=False)

    def end(self) -> None:
        """Take the line away."""
        if self._live:
            click.echo("\r\x1b[2K", err=True, nl=False)


def settings_or_error() -> "Settings":
    """The settings commands use; without a database, the command's error."""
    try:
        return settings_here()
    except SetupProblem as problem:
        raise click.ClickException(str(problem)) from None


def with_database(work: "Callable[[Database], Awaitable[Answer]]") -> Answer:
    """Run `work` with an open database; a refusal is the command's error, in both languages."""
    from server.db import Database
    from server.db.anchor import clock_for, following
    from server.refusal import Refusal
    from server.rooms import open_rooms

    settings = settings_or_error()
    open_rooms()

    async def run() -> Answer:
        database = Database(settings, clock_for(settings))
        try:
            async with following(database):
                return await work(database)
        finally:
            await database.dispose()

    try:
        return asyncio.run(run())
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.text('zh')}\n{refusal}") from None


@contextlib.asynccontextmanager
async def in_company(database: "Database", code: str) -> "AsyncIterator[Tx]":
    """One transaction of the system in the company of `code`."""
    from server.access.queries import company_id_for_code
    from server.actor import Actor

    async with database.companyless() as session:
        company_id = await company_id_for_code(session, code)
    if company_id is None:
        raise click.ClickException(f"There is no company {code}.")
    async with database.begin(Actor.system(company_id, "command")) as tx:
        yield tx
