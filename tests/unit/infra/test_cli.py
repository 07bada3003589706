"""The command `changming`: thin, helpful, and refusing in words."""

import json
import os
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from infra.cli import main
from infra.cluster import Cluster, DatabaseAddress
from infra.deployment import Running, read_running, running_file, settings_here, write_running
from infra.machine import SetupProblem
from tests.crossroads import CROSSROADS

ZONE = {
    "type": "Feature",
    "properties": {"code": "old-town", "name": "老城", "area": "urban"},
    "geometry": {
        "type": "Polygon",
        "coordinates": [
            [[105.9, 26.2], [106.0, 26.2], [106.0, 26.3], [105.9, 26.3], [105.9, 26.2]]
        ],
    },
}


@pytest.fixture
def here(database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch) -> DatabaseAddress:
    """An environment that names the test's database."""
    monkeypatch.setenv("CHANGMING_DATABASE_URL", database.app_url)
    monkeypatch.setenv("CHANGMING_OWNER_URL", database.owner_url)
    return database


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that names no database, and a folder from which nothing runs."""
    for name in ("CHANGMING_DATABASE_URL", "CHANGMING_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHANGMING_VAR", str(tmp_path))
    return tmp_path


def changming(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def found_company(code: str = "cm") -> Result:
    """Found a company."""
    return changming("create-company", code, "--name-zh", "长明燃气", "--name-en", "Changming Gas")


def test_every_command_has_help() -> None:
    assert main.commands
    for name in main.commands:
        told = changming(name, "--help")
        assert told.exit_code == 0
        assert told.output.startswith(f"Usage: main {name}")


def test_company_and_person_are_created_once(
    here: DatabaseAddress, superuser: psycopg.Connection
) -> None:
    assert found_company().exit_code == 0
    person = (
        "create-person", "wang", "--company", "cm", "--name", "王敏", "--role", "dispatcher",
        "--role", "operator", "--password", "correct horse battery",
    )  # fmt: skip
    assert changming(*person).exit_code == 0
    row = superuser.execute("SELECT username, name, roles FROM people").fetchone()
    assert row == ("wang", "王敏", ["dispatcher", "operator"])
    again = found_company()
    assert again.exit_code == 1
    assert "company_code_taken" in again.output
    again = changming(*person)
    assert again.exit_code == 1
    assert "username_taken" in again.output


def test_weak_password_is_refused_in_both_languages(here: DatabaseAddress) -> None:
    found_company()
    told = changming(
        "create-person", "wang", "--company", "cm", "--name", "王敏", "--role", "dispatcher",
        "--password", "1",
    )  # fmt: skip
    assert told.exit_code == 1
    assert "password_weak" in told.output
    assert "密码" in told.output


def test_zones_are_imported_for_a_company_that_exists(
    here: DatabaseAddress, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "zones.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [ZONE]}), encoding="utf-8")
    words = ("import-zones", str(file), "--company", "cm", "--datum", "wgs84")
    told = changming(*words)
    assert told.exit_code == 1
    assert "There is no company cm" in told.output
    found_company()
    told = changming(*words)
    assert told.exit_code == 0, told.output
    assert superuser.execute("SELECT code, name FROM zones").fetchall() == [("old-town", "老城")]


def test_roads_are_imported_and_counted(
    here: DatabaseAddress, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    found_company()
    file = CROSSROADS.write(tmp_path / "crossroads.osm")
    told = changming("import-roads", str(file), "--company", "cm", "--attribution", "测绘院")
    assert told.exit_code == 0, told.output
    row = superuser.execute(
        "SELECT version, node_count, arc_count, attribution FROM road_versions WHERE is_current"
    ).fetchone()
    assert row is not None
    assert told.output == f"Roads version {row[0]}: {row[1]} nodes, {row[2]} arcs.\n"
    assert row[3] == "测绘院"


def test_road_file_that_is_none_is_refused(here: DatabaseAddress, tmp_path: Path) -> None:
    found_company()
    file = tmp_path / "roads.osm"
    file.write_text("not a map", encoding="utf-8")
    told = changming("import-roads", str(file), "--company", "cm")
    assert told.exit_code == 1
    assert "road_file_refused" in told.output


def test_openapi_documents_are_written_and_checked(here: DatabaseAddress, tmp_path: Path) -> None:
    assert changming("openapi", str(tmp_path), "--check").exit_code == 1
    assert changming("openapi", str(tmp_path)).exit_code == 0
    for name, path in (("console", "/api/me"), ("phone", "/v1/fixes")):
        document = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert path in document["paths"]
    assert changming("openapi", str(tmp_path), "--check").exit_code == 0


def test_drill_without_the_demo_town_says_how_to_load_it(here: DatabaseAddress) -> None:
    told = changming("drill", "run", "--calls", "1")
    assert told.exit_code == 1
    assert "changming demo load" in told.output


def test_speed_of_a_deployment_without_drill_clock_is_life(here: DatabaseAddress) -> None:
    told = changming("drill", "speed", "10")
    assert told.exit_code == 1
    assert "does not follow a drill clock" in told.output


def test_speed_is_stored_for_every_process(
    here: DatabaseAddress, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANGMING_DRILL_CLOCK", "1")
    assert changming("drill", "speed", "10").exit_code == 0
    assert superuser.execute("SELECT speed FROM clock_anchor").fetchone() == (10.0,)


def test_file_that_is_not_json_is_refused(here: DatabaseAddress, tmp_path: Path) -> None:
    file = tmp_path / "zones.geojson"
    file.write_text("not json", encoding="utf-8")
    told = changming("import-zones", str(file), "--company", "cm", "--datum", "gcj02")
    assert told.exit_code == 1
    assert "is not JSON" in told.output


def test_migrate_works_on_an_empty_database(
    here: DatabaseAddress, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = cluster.create_database(f"{here.name}_1")
    try:
        monkeypatch.setenv("CHANGMING_OWNER_URL", empty.owner_url)
        assert changming("migrate").exit_code == 0
        with cluster.connect_superuser(empty.name) as connection:
            found = connection.execute("SELECT to_regclass('companies') IS NOT NULL")
            assert found.fetchone() == (True,)
        assert changming("migrate").exit_code == 0
    finally:
        cluster.drop_database(empty.name)


def test_migrate_needs_the_owner(here: DatabaseAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANGMING_OWNER_URL")
    told = changming("migrate")
    assert told.exit_code == 1
    assert "CHANGMING_OWNER_URL" in told.output


def test_without_a_database_a_command_says_how_to_name_one(nowhere: Path) -> None:
    told = found_company()
    assert told.exit_code == 1
    assert "CHANGMING_DATABASE_URL is not set" in told.output


def test_commands_find_what_runs_from_the_checkout(nowhere: Path) -> None:
    url = "postgresql+psycopg://changming_app:x@127.0.0.1:1/changming"
    write_running(
        nowhere, Running(os.getpid(), None, {"console": 1}, {"CHANGMING_DATABASE_URL": url})
    )
    assert settings_here().database_url == url
    assert running_file(nowhere).stat().st_mode & 0o077 == 0


def test_what_was_killed_does_not_run(nowhere: Path) -> None:
    # Process ids end below four million on Linux.
    write_running(nowhere, Running(99_999_999, None, {}, {"CHANGMING_DATABASE_URL": "x"}))
    assert read_running(nowhere) is None
    with pytest.raises(SetupProblem):
        settings_here()
