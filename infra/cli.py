"""The command `changming`: every piece of a deployment as an ordinary command.

Belongs here: reading arguments and calling the room that does the work. Does not belong here: the
work. Rooms are imported inside the commands, so that `--help` and small commands stay quick.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import click

from infra.checkout import ROOT, var_folder
from infra.deployment import for_servers, settings_environment, settings_here
from infra.machine import SetupProblem
from server.actor import Role

if TYPE_CHECKING:
    from server.db import Database, Tx
    from server.settings import Settings

Answer = TypeVar("Answer")
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="changming", message="changming %(version)s")
def main() -> None:
    """Changming 长明: emergency dispatch and field work for city-gas companies.

    Commands that need a database take it from CHANGMING_DATABASE_URL (the application's role) and
    CHANGMING_OWNER_URL (the owner of the tables, for migrations). Without these they use what
    `changming up` runs from this checkout.
    """


# --- running -------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--var",
    type=click.Path(path_type=Path),
    help="Folder of the private cluster and the logs. Default: var in the checkout.",
)
@click.option(
    "--host",
    envvar="CHANGMING_HOST",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option("--console-port", envvar="CHANGMING_CONSOLE_PORT", default=8700, show_default=True)
@click.option("--field-port", envvar="CHANGMING_FIELD_PORT", default=8701, show_default=True)
@click.option("--demo/--no-demo", default=True, show_default=True, help="Load the demo town.")
@click.option("--drill/--no-drill", default=True, show_default=True, help="People the town.")
@click.option(
    "--speed",
    type=click.FloatRange(1, 60),
    default=1.0,
    show_default=True,
    help="Drill seconds per second.",
)
@click.option(
    "--intensity",
    type=click.Choice(["calm", "normal", "storm"]),
    default="calm",
    show_default=True,
    help="How busy the drill is.",
)
@click.option("--verbose", is_flag=True, help="Show what the servers say.")
def up(
    *,
    var: Path | None,
    host: str,
    console_port: int,
    field_port: int,
    demo: bool,
    drill: bool,
    speed: float,
    intensity: str,
    verbose: bool,
) -> None:
    """Run everything on this machine until Ctrl-C: database, tables, demo town, servers, drill.

    With CHANGMING_DATABASE_URL and CHANGMING_OWNER_URL set, that database is used, and no cluster
    is started.
    """
    from infra.running import Wishes, run
    from server.settings import Settings

    settings = dataclasses.replace(
        Settings.from_environment(), host=host, console_port=console_port, field_port=field_port
    )
    wishes = Wishes(
        var=(var or var_folder()).resolve(),
        demo=demo,
        drill=drill,
        speed=speed,
        intensity=intensity,
        verbose=verbose,
        settings=settings,
        own_database="CHANGMING_DATABASE_URL" not in os.environ,
    )
    try:
        sys.exit(run(wishes))
    except SetupProblem as problem:
        raise click.ClickException(str(problem)) from None


@main.command()
@click.argument("part", type=click.Choice(["console", "field", "watch"]))
def serve(part: str) -> None:
    """Run one process of a deployment: the console's server, the phones' server, or the watch.

    Several of each may run beside one another on one database. Settings come from CHANGMING_…
    variables (see server/settings.py); stop with SIGTERM.
    """
    settings = _settings()
    if part == "watch":
        from server.dispatch import watch
        from server.rooms import open_rooms

        # The watch moves work whose owners register themselves when their rooms open.
        open_rooms()
        asyncio.run(watch.run(settings))
        return
    import uvicorn

    # The factory reads the same settings again in this process.
    os.environ.update(settings_environment(for_servers(settings)))
    application = {"console": "server.app:create_app", "field": "field_client_api.app:create_app"}
    uvicorn.run(
        application[part],
        factory=True,
        host=settings.host,
        port=settings.console_port if part == "console" else settings.field_port,
        ws="websockets-sansio",
        # One frame is made for all desks (server/live/direct.py); compressing is for each alone.
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


# --- database and companies ----------------------------------------------------------------------


@main.command()
@click.option("--to", "revision", default="head", show_default=True, help="Alembic revision.")
def migrate(revision: str) -> None:
    """Bring the tables to this version of the code, as their owner (CHANGMING_OWNER_URL)."""
    from server.db.migrate import migrate as run_migrations

    settings = _settings()
    if settings.owner_url is None:
        raise click.ClickException(
            "CHANGMING_OWNER_URL is not set: migrations need the role that owns the tables."
        )
    run_migrations(settings.owner_url, revision)
    click.echo("The tables are up to date.")


@main.command("create-company")
@click.argument("code")
@click.option("--name-zh", required=True, help="Name in Chinese.")
@click.option("--name-en", required=True, help="Name in English.")
@click.option("--policy-pack", default="default", show_default=True)
@click.option("--time-zone", default="Asia/Shanghai", show_default=True)
def create_company(code: str, name_zh: str, name_en: str, policy_pack: str, time_zone: str) -> None:
    """Found a company under a short CODE, which its people type when they sign in."""
    from server.access import actions

    async def found(database: "Database") -> UUID:
        return await actions.create_company(
            database,
            code=code,
            name_zh=name_zh,
            name_en=name_en,
            policy_pack=policy_pack,
            time_zone=time_zone,
        )

    click.echo(f"Company {code}: {_with_database(found)}")


@main.command("create-person")
@click.argument("username")
@click.option("--company", required=True, help="The company's code.")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="Repeatable.",
)
@click.password_option(help="Asked for when not given.")
def create_person(
    username: str, company: str, name: str, roles: tuple[str, ...], password: str
) -> None:
    """Add a person with a sign-in to a company; the first one should be an administrator."""
    from server.access import actions

    async def add(database: "Database") -> UUID:
        password_hash = await actions.new_password_hash(password, username)
        async with _company(database, company) as tx:
            person = await actions.create_person(
                tx,
                username=username,
                name=name,
                roles={Role(role) for role in roles},
                password_hash=password_hash,
            )
        return person.id

    click.echo(f"Person {username}: {_with_database(add)}")


# --- maps ----------------------------------------------------------------------------------------


@main.command("import-roads")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--company", required=True, help="The company's code.")
@click.option("--attribution", help="Whom the map must credit. Default: OpenStreetMap.")
def import_roads(file: Path, company: str, attribution: str | None) -> None:
    """Import roads and map layers from an OpenStreetMap FILE (.osm.pbf, .osm, .osm.gz).

    They become the company's current version when the import is complete.
    """
    from server.network import actions

    shown = _Progress()

    async def bring_in(database: "Database") -> tuple[int, int, int]:
        async with _company(database, company) as tx:
            version = await actions.import_roads(
                tx, file, shown, attribution=attribution or actions.OSM_ATTRIBUTION
            )
            return version.version, version.node_count, version.arc_count

    version, nodes, arcs = _with_database(bring_in)
    shown.end()
    click.echo(f"Roads version {version}: {nodes:,} nodes, {arcs:,} arcs.")


@main.command("import-zones")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--company", required=True, help="The company's code.")
@click.option(
    "--datum",
    required=True,
    type=click.Choice(["wgs84", "gcj02"]),
    help="What the file's coordinates are told in; maps made in China are often GCJ-02.",
)
def import_zones(file: Path, company: str, datum: str) -> None:
    """Make the polygons of a GeoJSON FILE the company's zones from now on.

    The file is the whole set: a zone that it lacks ends. Each feature needs the properties code,
    name and area ("urban" or "suburban").
    """
    from geo.coordinates import Datum
    from server.places import actions

    try:
        geojson = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file} is not JSON: {error}") from None

    async def bring_in(database: "Database") -> actions.ZonesImported:
        async with _company(database, company) as tx:
            return await actions.import_zones(tx, geojson, Datum(datum), tx.now)

    click.echo(f"Zones: {_with_database(bring_in)}")


# --- demo and drill ------------------------------------------------------------------------------


@main.group()
def demo() -> None:
    """The demo company and its invented town."""


@demo.command("load")
def demo_load() -> None:
    """Load the demo company, its town and its sign-ins; what is already there is left alone."""
    from server.drill import demo as town

    shown = _Progress()
    told = asyncio.run(town.load(_settings(), shown))
    shown.end()
    click.echo(f"Demo town: {told}.")
    for company, username, password, who in town.sign_ins():
        click.echo(f"  {company} / {username} / {password}   {who}")


@main.group()
def drill() -> None:
    """Callers, a desk and crews who play in the demo town; never counted in reports."""


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
        tally = asyncio.run(run.run(_settings(), wishes))
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
        _with_database(change)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Business time runs {speed:g} times as fast as life.")


# --- documents -----------------------------------------------------------------------------------


@main.command()
@click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "docs/openapi"
)
@click.option("--check", is_flag=True, help="Write nothing; fail when a document is out of date.")
def openapi(folder: Path, *, check: bool) -> None:
    """Write both OpenAPI documents, console.json and phone.json, into FOLDER."""
    from field_client_api.app import create_app as create_field_app
    from server.app import create_app

    stale = []
    for name, application in (("console", create_app()), ("phone", create_field_app())):
        schema = application.openapi_schema.to_schema()
        text = json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        path = folder / f"{name}.json"
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path))
        if not check:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        raise click.ClickException(f"Out of date: {', '.join(stale)}. Run: changming openapi")
    click.echo(f"Written: {', '.join(stale)}" if stale else "Up to date.")


# --- shared by the commands ----------------------------------------------------------------------


class _Progress:
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


def _settings() -> "Settings":
    try:
        return settings_here()
    except SetupProblem as problem:
        raise click.ClickException(str(problem)) from None


def _with_database(work: "Callable[[Database], Awaitable[Answer]]") -> Answer:
    """Run `work` with an open database; a refusal is the command's error, in both languages."""
    from server.db import Database
    from server.db.anchor import clock_for, following
    from server.refusal import Refusal
    from server.rooms import open_rooms

    settings = _settings()
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
async def _company(database: "Database", code: str) -> "AsyncIterator[Tx]":
    """One transaction of the system in the company of `code`."""
    from server.access.queries import company_id_for_code
    from server.actor import Actor

    async with database.companyless() as session:
        company_id = await company_id_for_code(session, code)
    if company_id is None:
        raise click.ClickException(f"There is no company {code}.")
    async with database.begin(Actor.system(company_id, "command")) as tx:
        yield tx


if __name__ == "__main__":
    main()
