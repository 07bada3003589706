"""Databases for tests: one cluster, one migrated template, and copies of it.

Belongs here: getting a real, empty, migrated PostGIS database of one's own. Does not belong here:
rows, sessions, apps and people (the conftest of the folder that needs them).
"""

import fcntl
import hashlib
import itertools
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.checkout import throwaway_cluster_folder, var_folder
from infra.cluster import Cluster, DatabaseAddress, last_one_stops
from server.db.migrate import MIGRATIONS, migrate

TEMPLATE_PREFIX = "template_changming_"
TEMPLATE_KEPT_S = 6 * 3600
"""How long an unused template of another schema is kept, as another run may just be using it."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, which is what the servers run on."""
    return "asyncio"


def _schema_fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(MIGRATIONS.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The test cluster, running: fast, not durable, shared by all test processes of a checkout."""
    folder = throwaway_cluster_folder()
    with last_one_stops(folder):
        shared = Cluster(folder, durable=False)
        shared.start()
        yield shared


@pytest.fixture(scope="session")
def template_database(cluster: Cluster) -> str:
    """Name of a database with all migrations run and no rows; made once for each schema."""
    name = TEMPLATE_PREFIX + _schema_fingerprint()
    uses = var_folder() / "test-templates"
    uses.mkdir(parents=True, exist_ok=True)
    with (uses / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _drop_leftovers(cluster, uses)
        (uses / name).touch()
        if not cluster.has_database(name):
            unfinished = f"unfinished_{os.getpid()}"
            cluster.drop_database(unfinished)
            migrate(cluster.create_database(unfinished).owner_url)
            # Renamed last: a template that exists is complete.
            cluster.rename_database(unfinished, name)
    return name


def _drop_leftovers(cluster: Cluster, uses: Path) -> None:
    """Drop what killed runs left behind, and templates nobody has used for hours."""
    for name in cluster.database_names():
        owner = re.fullmatch(r"(?:test|unfinished)_(\d+)(?:_\d+)?", name)
        if owner is not None and not Path(f"/proc/{owner[1]}").exists():
            cluster.drop_database(name)
        if name.startswith(TEMPLATE_PREFIX):
            used = uses / name
            if not used.exists() or used.stat().st_mtime < time.time() - TEMPLATE_KEPT_S:
                cluster.drop_database(name)
                used.unlink(missing_ok=True)


@contextmanager
def _copy_of(cluster: Cluster, template: str) -> Iterator[DatabaseAddress]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    address = cluster.create_database(name, template=template)
    try:
        yield address
    finally:
        cluster.drop_database(name)


@pytest.fixture(scope="session")
def worker_database(cluster: Cluster, template_database: str) -> Iterator[DatabaseAddress]:
    """One database for a whole test process; each test must roll back what it does."""
    with _copy_of(cluster, template_database) as address:
        yield address


@pytest.fixture(scope="module")
def module_database(cluster: Cluster, template_database: str) -> Iterator[DatabaseAddress]:
    """One database for a test module whose tests share running servers."""
    with _copy_of(cluster, template_database) as address:
        yield address


@pytest.fixture
def database(cluster: Cluster, template_database: str) -> Iterator[DatabaseAddress]:
    """A database for one test, which may commit; about a tenth of a second to make."""
    with _copy_of(cluster, template_database) as address:
        yield address


@pytest.fixture
def superuser(cluster: Cluster, database: DatabaseAddress) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the test's database, for looking behind row-level security."""
    with cluster.connect_superuser(database.name) as connection:
        yield connection
