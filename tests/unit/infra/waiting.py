"""Waiting in tests of real processes."""

import threading
import time
from collections.abc import Callable


def until(
    true: Callable[[], object],
    *,
    meanwhile: Callable[[], None] = lambda: None,
    within_s: float = 60.0,
) -> None:
    """Wait for something another process does, which can only be asked again and again."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        meanwhile()
        threading.Event().wait(0.02)
