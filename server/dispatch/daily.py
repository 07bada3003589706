"""What the watch sees to once a day for each company, and again when another edition comes into
force. Rooms above this one register here.

Belongs here: who wants to be asked. Does not belong here: what they then do (`server.followup`
begins the duties that come round).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server.db import Tx

Callback = Callable[[Tx], Awaitable[None]]

_CALLBACKS: list[Callback] = []


def each_day(callback: Callback) -> Callback:
    """Have the watch call `callback` on the first look of a company's day, under another edition,
    and once after the watch has begun: so it must change nothing when called again.

    Usable as a decorator; registering the same function again changes nothing.
    """
    if callback not in _CALLBACKS:
        _CALLBACKS.append(callback)
    return callback


async def day_begins(tx: Tx) -> None:
    """Ask everybody who registered."""
    for callback in _CALLBACKS:
        await callback(tx)
