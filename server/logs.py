"""How processes write their logs: one line each, and never what a variable held.

Not here: what is logged (every room), where the lines go (the process's standard output).
"""

from __future__ import annotations

import logging

import structlog


def configure_logs(*, level: int = logging.INFO) -> None:
    """Plain lines with plain tracebacks.

    The library's default prints the local variables of a traceback: passwords and callers' numbers
    among them.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
