"""Counting what a request asks of the database: statements, and waits for its answer.

Belongs here: listening to a pool. Does not belong here: how many a request may take (the tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from server.db import Database


class Counted(list[str]):
    """The statements sent, in their order."""

    def __str__(self) -> str:
        return "\n".join(f"{n:3} {' '.join(one.split())[:180]}" for n, one in enumerate(self, 1))


@contextmanager
def counted(database: Database) -> Iterator[Counted]:
    """Collect the statements of every transaction of the pool inside the block.

    What begins and ends a transaction is not among them.
    """
    sent = Counted()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
