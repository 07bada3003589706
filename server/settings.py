"""Settings, read once from the environment by whoever starts a process and passed down.

Not here: anything a company may differ in (that is its policy pack). Nothing is read at import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEVELOPMENT_DATABASE_URL = "postgresql+psycopg://changming_app@127.0.0.1/changming"


def _flag(value: str | None) -> bool:
    return (value or "").strip().lower() in {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings. Every field has an environment variable CHANGMING_<FIELD>."""

    database_url: str = DEVELOPMENT_DATABASE_URL
    """SQLAlchemy URL (postgresql+psycopg://…) of the application role, which owns nothing."""
    owner_url: str | None = None
    """SQLAlchemy URL of the owning role; only migrations use it."""
    console_port: int = 8700
    field_port: int = 8701
    host: str = "127.0.0.1"
    """Address the servers listen on; a reverse proxy stands in front in production."""
    drill_clock: bool = False
    """Follow the drill anchor: business time may run faster than life. Never in production."""
    secure_cookies: bool = False
    """Mark the session cookie Secure; true wherever the console is served over https."""
    pool_size: int = 10
    """Database connections per process that are kept; the same number again may overflow."""
    demo_sign_ins: bool = False
    """Show the demo town's sign-ins on the sign-in screen."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read settings; a malformed number raises ValueError naming the variable."""
        env = os.environ if environment is None else environment

        def number(name: str, default: int) -> int:
            raw = env.get(name)
            if raw is None:
                return default
            try:
                return int(raw)
            except ValueError:
                raise ValueError(f"{name} must be a whole number, not {raw!r}") from None

        return cls(
            database_url=env.get("CHANGMING_DATABASE_URL", DEVELOPMENT_DATABASE_URL),
            owner_url=env.get("CHANGMING_OWNER_URL"),
            console_port=number("CHANGMING_CONSOLE_PORT", 8700),
            field_port=number("CHANGMING_FIELD_PORT", 8701),
            host=env.get("CHANGMING_HOST", "127.0.0.1"),
            drill_clock=_flag(env.get("CHANGMING_DRILL_CLOCK")),
            secure_cookies=_flag(env.get("CHANGMING_SECURE_COOKIES")),
            pool_size=number("CHANGMING_POOL_SIZE", 10),
            demo_sign_ins=_flag(env.get("CHANGMING_DEMO_SIGN_INS")),
        )
