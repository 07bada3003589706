"""Commands for a company: founding it, its people, its roads and zones.

Rooms are imported inside the commands, so that `--help` and small commands stay quick.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from infra.commanding import Progress, in_company, with_database
from server.actor import Role

if TYPE_CHECKING:
    from server.db import Database


@click.command("create-company")
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

    click.echo(f"Company {code}: {with_database(found)}")


@click.command("create-person")
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
        async with in_company(database, company) as tx:
            person = await actions.create_person(
                tx,
                username=username,
                name=name,
                roles={Role(role) for role in roles},
                password_hash=password_hash,
            )
        return person.id

    click.echo(f"Person {username}: {with_database(add)}")


@click.command("import-roads")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--company", required=True, help="The company's code.")
@click.option("--attribution", help="Whom the map must credit. Default: OpenStreetMap.")
def import_roads(file: Path, company: str, attribution: str | None) -> None:
    """Import roads and map layers from an OpenStreetMap FILE (.osm.pbf, .osm, .osm.gz).

    They become the company's current version when the import is complete.
    """
    from server.network import actions

    shown = Progress()

    async def bring_in(database: "Database") -> tuple[int, int, int]:
        async with in_company(database, company) as tx:
            version = await actions.import_roads(
                tx, file, shown, attribution=attribution or actions.OSM_ATTRIBUTION
            )
            return version.version, version.node_count, version.arc_count

    version, nodes, arcs = with_database(bring_in)
    shown.end()
    click.echo(f"Roads version {version}: {nodes:,} nodes, {arcs:,} arcs.")


@click.command("import-zones")
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
        async with in_company(database, company) as tx:
            return await actions.import_zones(tx, geojson, Datum(datum), tx.now)

    click.echo(f"Zones: {with_database(bring_in)}")
