"""Telling the rooms above that something they reckoned with has changed.

Belongs here: who wants to hear of it. Does not belong here: what they then do (`server.promises`
reckons its running clocks again).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server.db import Tx

Callback = Callable[[Tx], Awaitable[None]]

_CALLBACKS: list[Callback] = []


def on_calendar_change(callback: Callback) -> Callback:
    """Have `callback` called, in the same transaction, whenever the company's calendar changed.

    Usable as a decorator; registering the same function again changes nothing.
    """
    if callback not in _CALLBACKS:
        _CALLBACKS.append(callback)
    return callback


async def calendar_changed(tx: Tx) -> None:
    """Tell everybody who asked."""
    for callback in _CALLBACKS:
        await callback(tx)
