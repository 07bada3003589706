"""The databases tests get: migrated, empty, of their own, and entered as the application."""

import psycopg

from infra.cluster import Cluster, DatabaseAddress


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_database_is_migrated_and_entered_as_the_application(database: DatabaseAddress) -> None:
    with psycopg.connect(_plain(database.app_url)) as app:
        assert app.execute("SELECT current_user").fetchone() == ("changming_app",)
        found = app.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        assert found == (True,)


def test_what_one_test_commits_no_other_sees(
    cluster: Cluster, database: DatabaseAddress, template_database: str
) -> None:
    with psycopg.connect(_plain(database.owner_url)) as owner:
        owner.execute("CREATE TABLE mark ()")
    other = cluster.create_database(f"{database.name}_1", template=template_database)
    try:
        with psycopg.connect(_plain(other.owner_url)) as owner:
            assert owner.execute("SELECT to_regclass('mark')").fetchone() == (None,)
    finally:
        cluster.drop_database(other.name)


def test_worker_database_is_not_the_tests_own(
    worker_database: DatabaseAddress, database: DatabaseAddress
) -> None:
    assert worker_database.name != database.name
