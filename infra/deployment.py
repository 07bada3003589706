"""Which database a command means.

Belongs here: reading the environment, and otherwise what `changming up` wrote down about itself.
Does not belong here: starting anything (`running`).
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.checkout import var_folder
from infra.children import alive
from infra.machine import SetupProblem
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """What `changming up` says about itself in var/up.json, for commands, people and tests."""

    up: int
    """Its process id."""
    postmaster: int | None
    """Process id of the private cluster's server, where there is one."""
    children: dict[str, int | None]
    """Process ids by name; None while one is being started again."""
    environment: dict[str, str]
    """The settings as environment variables: with them any command works on the same database."""


def running_file(var: Path) -> Path:
    """Where a running `changming up` keeps its `Running`."""
    return var / "up.json"


def write_running(var: Path, running: Running) -> None:
    """Put `running` in its place in one step; only its owner may read it, as it holds passwords."""
    fresh = var / f"up.json.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(running), file)
    fresh.replace(running_file(var))


def read_running(var: Path) -> Running | None:
    """What runs from `var`; None when nothing does, or when what did was killed."""
    try:
        running = Running(**json.loads(running_file(var).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return running if alive(running.up) else None


def settings_here(var: Path | None = None) -> Settings:
    """The settings commands use: the environment's, else those of what runs from this checkout.

    Raises SetupProblem when neither names a database.
    """
    if os.environ.get("CHANGMING_DATABASE_URL"):
        return Settings.from_environment()
    running = read_running(var or var_folder())
    if running is None:
        raise SetupProblem(
            "No database: CHANGMING_DATABASE_URL is not set, and `changming up` does not run here."
        )
    return Settings.from_environment({**running.environment, **os.environ})


def settings_environment(settings: Settings) -> dict[str, str]:
    """The environment from which a process reads the same settings."""

    def flag(value: bool) -> str:
        return "1" if value else "0"

    values = {
        "CHANGMING_DATABASE_URL": settings.database_url,
        "CHANGMING_CONSOLE_PORT": str(settings.console_port),
        "CHANGMING_FIELD_PORT": str(settings.field_port),
        "CHANGMING_HOST": settings.host,
        "CHANGMING_DRILL_CLOCK": flag(settings.drill_clock),
        "CHANGMING_SECURE_COOKIES": flag(settings.secure_cookies),
        "CHANGMING_POOL_SIZE": str(settings.pool_size),
        "CHANGMING_DEMO_SIGN_INS": flag(settings.demo_sign_ins),
    }
    if settings.owner_url is not None:
        values["CHANGMING_OWNER_URL"] = settings.owner_url
    return values


def for_servers(settings: Settings) -> Settings:
    """The settings a server gets: without the owner's way in, which only migrations need."""
    return replace(settings, owner_url=None)
