"""Alembic's entry: migrations run in one transaction each, as the owner, with a lock time-out."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from server.rooms import metadata

LOCK_TIMEOUT = "4s"
"""A migration that cannot have its lock gives up, rather than queueing every request behind it."""


def run() -> None:
    """Apply migrations to the URL given by the caller (`sqlalchemy.url`)."""
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "the caller sets sqlalchemy.url"
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata(),
            transaction_per_migration=True,
            include_name=_ours,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _ours(name: str | None, type_: str, parents: object) -> bool:
    """Leave PostGIS's own tables, and the daily partitions, out of comparisons."""
    if type_ == "table":
        return name is not None and name != "spatial_ref_sys" and not name.startswith("fixes_")
    return True


run()
