"""Commands for the invented town: `changming demo` and `changming drill`.

Rooms are imported inside the commands, so that `--help` and small commands stay quick.
"""

import asyncio
from typing import TYPE_CHECKING

import click

from infra.commanding import Progress, settings_or_error, with_database

if TYPE_CHECKING:
    from server.db import Database


@click.group()
def demo() -> None:
    """The demo company and its invented town."""


@demo.command("load")
def demo_load() -> None:
    """Load the demo company, its town and its sign-ins; what is already there is left alone."""
    from infra.doors import open_doors
    from server.drill import demo as town
    from server.drill import demo_business

    shown = Progress()
    told = asyncio.run(town.load(settings_or_error(), shown))
    past = asyncio.run(
        demo_business.load(settings_or_error(), open_doors, lambda words: shown(words, 1.0))
    )
    shown.end()
    click.echo(f"Demo town: {told}. Its past: {past}.")
    for company, username, password, who in town.sign_ins():
        click.echo(f"  {company} / {username} / {password}   {who}")


@click.group(invoke_without_command=True)
@click.option(
    "--cases",
    type=click.IntRange(1, 5000),
    is_flag=False,
    flag_value=200,
    help="Play a month of so many applications (200 when no number is given).",
)
@click.option("--month", help="Which month, YYYY-MM; the rest of this one, or one to come. [next]")
@click.option("--seed", default=1, show_default=True, help="The same seed tells the same story.")
@click.option("--company", default="changming-demo", show_default=True, help="Company code.")
@click.option("--pack", help="In a company of its own that works by this pack (anshun, tanghe, …).")
@click.pass_context
def drill(
    context: click.Context,
    *,
    cases: int | None,
    month: str | None,
    seed: int,
    company: str,
    pack: str | None,
) -> None:
    """Callers, a desk and crews who play in the demo town; never counted in reports.

    With --cases: a month of applications at speed, through the public APIs of running servers that
    follow the drill clock (CHANGMING_DRILL_CLOCK=1, as under `changming up --no-drill`). Time leaps
    forward to the month and through it, for the whole deployment, and never comes back.
    """
    if context.invoked_subcommand is not None:
        return
    if cases is None:
        click.echo(context.get_help())
        return
    from server.drill import month as business
    from server.drill.month_summary import table
    from server.drill.run import NoDemoCompany

    wishes = business.MonthWishes(company=company, pack=pack, month=month, cases=cases, seed=seed)
    shown = Progress()
    try:
        tally = asyncio.run(
            business.run(settings_or_error(), wishes, lambda words: shown(words, 0.0))
        )
    except NoDemoCompany:
        raise click.ClickException(
            f"There is no company {company}. Load the demo town first: changming demo load"
        ) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    finally:
        shown.end()
    click.echo(table(tally))
    if tally.wrong:
        raise click.ClickException(f"{len(tally.wrong)} things are not as they must be.")


@drill.command("run")
@click.option("--company", default="changming-demo", show_default=True, help="Company code.")
@click.option("--speed", type=click.FloatRange(1, 60), default=1.0, show_default=True)
@click.option(
    "--intensity", type=click.Choice(["calm", "normal", "storm"]), default="calm", show_default=True
)
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same calls.")
@click.option("--calls", type=click.IntRange(min=1), help="End when so many are reviewed.")
def drill_run(company: str, speed: float, intensity: str, seed: int, calls: int | None) -> None:
    """Hold a drill until it is over or stopped, through the public APIs of running servers.

    SPEED is business seconds per second; other than 1 needs servers that follow the drill clock
    (CHANGMING_DRILL_CLOCK=1, as under `changming up`).
    """
    from server.drill import run
    from server.drill.scenario import Intensity

    wishes = run.DrillWishes(
        company=company, speed=speed, intensity=Intensity(intensity), seed=seed, calls=calls
    )
    try:
        tally = asyncio.run(run.run(settings_or_error(), wishes))
    except run.NoDemoCompany:
        raise click.ClickException(
            f"There is no company {company}. Load the demo town first: changming demo load"
        ) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Desk: {dict(tally.desk)}. Phones: {dict(tally.words)}, {tally.fixes} fixes.")


@drill.command("speed")
@click.argument("speed", type=click.FloatRange(1, 60))
def drill_speed(speed: float) -> None:
    """Let business time run SPEED (1 to 60) times as fast as life, from three seconds on."""
    from server.db.anchor import set_speed

    async def change(database: "Database") -> None:
        await set_speed(database, speed)

    try:
        with_database(change)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Business time runs {speed:g} times as fast as life.")
