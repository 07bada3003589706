"""Who answers for the case a form belongs to: the room of cases registers here.

Asked when a form is read from outside the company, and when it is signed. Not here: the forms.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from server.db import Tx


class FormOwner(Protocol):
    """What the room of cases offers to the forms of its cases."""

    async def lock(self, tx: Tx, case_id: UUID) -> None:
        """Lock the case's row, before its forms. Raises NotFound."""
        ...

    async def require_visible(self, tx: Tx, case_id: UUID) -> None:
        """Raise NotFound unless the acting person may see the case."""
        ...

    async def changed(self, tx: Tx, case_id: UUID) -> None:
        """A form of it looks otherwise now: announce what shows it."""
        ...


_OWNERS: list[FormOwner] = []


def register_form_owner(owner: FormOwner) -> None:
    """Called once at import by the room of cases. Raises RuntimeError the second time."""
    if _OWNERS:
        raise RuntimeError("forms already have an owner")
    _OWNERS.append(owner)


def form_owner() -> FormOwner:
    """Whoever answers for cases. Raises LookupError when that room was never opened."""
    if not _OWNERS:
        raise LookupError("no room has registered as the owner of forms")
    return _OWNERS[0]
