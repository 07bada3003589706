"""All rooms, opened: importing them registers their tables, representers and owners.

This is the one place that knows every room by name. Not here: anything a room does.
"""

from __future__ import annotations

import importlib
import importlib.util

from sqlalchemy import MetaData

from server.db.rows import Base

ROOMS = (
    "db",
    "feed",
    "access",
    "policy",
    "promises",
    "places",
    "customers",
    "crews",
    "tracking",
    "network",
    "work",
    "dispatch",
    "incidents",
    "papers",
    "fees",
    "forms",
    "notices",
    "cases",
    "intake",
    "hotline",
    "followup",
    "reporting",
    "live",
)
"""Low to high, as the import rules have them."""


def _open(modules: tuple[str, ...]) -> None:
    for room in ROOMS:
        for name in modules:
            module = f"server.{room}.{name}"
            if importlib.util.find_spec(f"server.{room}") and importlib.util.find_spec(module):
                importlib.import_module(module)


def open_rooms() -> None:
    """Import what every room registers: tables, representers, owners. Idempotent."""
    _open(("tables", "queries", "views", "owner"))


def metadata() -> MetaData:
    """The schema as the code knows it, for migrations and their check."""
    _open(("tables",))
    return Base.metadata
