"""Turning a broken database constraint into the refusal it stands for, by the constraint's name.

Not here: which constraint means what (the room that owns the table says so).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import IntegrityError

from server.db.tx import Tx


class ConstraintBroken(Exception):
    """A write met a constraint; nothing of the guarded block is stored. `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@asynccontextmanager
async def constraints_named(tx: Tx) -> AsyncIterator[None]:
    """Run a block in a savepoint that is flushed at its end.

    A broken constraint rolls back the block alone and raises ConstraintBroken with its name, so
    that the caller can still ask the same transaction who got there first.
    """
    try:
        async with tx.session.begin_nested():
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if name is None:
            raise
        raise ConstraintBroken(name) from error
