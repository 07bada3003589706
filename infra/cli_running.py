"""Commands that run things: `changming up`, `serve`, `migrate`, `openapi`.

Does not belong here: companies, maps, drills (`cli_company`, `cli_drill`). Rooms are imported
inside the commands, so that `--help` and small commands stay quick.
"""

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path

import click

from infra.checkout import ROOT, var_folder
from infra.commanding import settings_or_error
from infra.deployment import for_servers, settings_environment
from infra.machine import SetupProblem


@click.command()
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


@click.command()
@click.argument("part", type=click.Choice(["console", "field", "watch"]))
def serve(part: str) -> None:
    """Run one process of a deployment: the console's server, the phones' server, or the watch.

    Several of each may run beside one another on one database. Settings come from CHANGMING_…
    variables (see server/settings.py); stop with SIGTERM.
    """
    from server.logs import configure_logs

    configure_logs()
    settings = settings_or_error()
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


@click.command()
@click.option("--to", "revision", default="head", show_default=True, help="Alembic revision.")
def migrate(revision: str) -> None:
    """Bring the tables to this version of the code, as their owner (CHANGMING_OWNER_URL)."""
    from server.db.migrate import migrate as run_migrations

    settings = settings_or_error()
    if settings.owner_url is None:
        raise click.ClickException(
            "CHANGMING_OWNER_URL is not set: migrations need the role that owns the tables."
        )
    run_migrations(settings.owner_url, revision)
    click.echo("The tables are up to date.")


@click.command()
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
