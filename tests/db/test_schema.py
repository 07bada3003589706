"""The migrations build exactly the schema the code declares."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from infra.cluster import DatabaseAddress
from server.db.migrate import alembic_config
from server.rooms import metadata


def _ours(name: str | None, type_: str, _parents: object) -> bool:
    return type_ != "table" or not (name == "spatial_ref_sys" or str(name).startswith("fixes_"))


def test_migrations_equal_the_declared_schema(worker_database: DatabaseAddress) -> None:
    engine = create_engine(worker_database.owner_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": _ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata()) == []
    engine.dispose()


def test_there_is_one_newest_migration(worker_database: DatabaseAddress) -> None:
    script = ScriptDirectory.from_config(alembic_config(worker_database.owner_url))
    assert len(script.get_heads()) == 1
