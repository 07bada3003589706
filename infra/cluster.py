"""A private PostgreSQL + PostGIS cluster: its life, its roles and its databases.

Belongs here: one cluster in one folder, complete and ready for the product. It never looks at,
starts or stops a cluster it did not make. Does not belong here: processes and files
(`server_process`), tables and migrations (`server.db`), and the decision when to run (`running`,
tests/conftest.py).

Access: the superuser comes in without a password, but only through a Unix socket in a folder
that nobody else may enter; the application and the owner of the tables come in by password, by
socket or by 127.0.0.1.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from infra.machine import PostgresServer
from infra.server_process import ELSEWHERE, SUPERUSER, ClusterProblem, Identity, ServerProcess

OWNER_ROLE = "changming_owner"
APP_ROLE = "changming_app"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
"""Made by the superuser in every new database: exclusion constraints and map features need
btree_gist, address search needs pg_trgm."""
LEAKPROOF: tuple[LiteralString, ...] = (
    "ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF",
    "ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF",
)
"""Comparisons behind `&&` and LIKE, which only a superuser may declare free of side channels.
Without it row-level security keeps them away from every index (docs/decisions, leakproof)."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """One database of a cluster, with the two ways in that the product uses.

    Both are SQLAlchemy URLs for psycopg 3. `app_url` is the application's role: it owns nothing and
    row-level security binds it. `owner_url` is the role that owns the tables and runs migrations.
    """

    name: str
    app_url: str
    owner_url: str


class Cluster:
    """A cluster in `folder`, made on first start.

    `durable=True` keeps every committed transaction through a power cut. `durable=False` is for
    tests: several times faster, and a cluster that does not come up again is simply made anew.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        servers: Sequence[PostgresServer] | None = None,
        identity: Identity | None = None,
        elsewhere: Path = ELSEWHERE,
    ) -> None:
        self.server = ServerProcess(
            folder, durable=durable, servers=servers, identity=identity, elsewhere=elsewhere
        )

    @property
    def port(self) -> int:
        """The port chosen at the last start. Raises ClusterProblem before the first."""
        return self.server.port

    def start(self) -> None:
        """Have the cluster running and ready; make it, or mend what a crash left, when needed.

        Safe to call from several processes at once and when it is already running.
        """
        with self._locked():
            if not self._already_serves():
                self.server.start()
            self._have_roles()

    def stop(self, *, timeout_s: float = 60.0) -> None:
        """Stop the server cleanly, ending open connections; no effect when it is not running."""
        with self._locked():
            if self.postmaster_pid() is not None:
                self.server.stop(timeout_s)

    def postmaster_pid(self) -> int | None:
        """Process id of this cluster's running postmaster, or None."""
        return self.server.postmaster_pid()

    def ready(self) -> bool:
        """Whether the server answers a query now."""
        try:
            with self.connect_superuser() as connection:
                connection.execute("SELECT 1")
        except (psycopg.OperationalError, ClusterProblem):
            return False
        return True

    def _already_serves(self, timeout_s: float = 120.0) -> bool:
        """Whether our server runs and answers; one still starting, or just dying, is awaited."""
        deadline = time.monotonic() + timeout_s
        while self.postmaster_pid() is not None:
            if self.ready():
                return True
            if time.monotonic() > deadline:
                raise ClusterProblem(
                    f"PostgreSQL runs (pid {self.postmaster_pid()}) but does not answer; "
                    f"its log is {self.server.log_file}"
                )
            time.sleep(0.05)
        return False

    # --- databases ---

    def superuser_conninfo(self, database: str = "postgres") -> str:
        """libpq connection string for the superuser, through the private socket."""
        return psycopg.conninfo.make_conninfo(
            host=str(self.server.socket_folder), port=self.port, user=SUPERUSER, dbname=database
        )

    def connect_superuser(self, database: str = "postgres") -> "psycopg.Connection[tuple[object]]":
        """An autocommitting superuser connection; the caller closes it."""
        connection: psycopg.Connection[tuple[object]] = psycopg.connect(
            self.superuser_conninfo(database), autocommit=True, connect_timeout=10
        )
        return connection

    def database(self, name: str) -> DatabaseAddress:
        """The ways into database `name`, whether it exists or not."""
        passwords = self._passwords()

        def url(role: str) -> str:
            return (
                f"postgresql+psycopg://{role}:{passwords[role]}@127.0.0.1:{self.port}/{name}"
                "?connect_timeout=10"
            )

        return DatabaseAddress(name, url(APP_ROLE), url(OWNER_ROLE))

    def has_database(self, name: str) -> bool:
        """Whether database `name` exists."""
        with self.connect_superuser() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return found.fetchone() is not None

    def database_names(self) -> list[str]:
        """Every database of the cluster, the server's own included."""
        with self.connect_superuser() as connection:
            rows = connection.execute("SELECT datname FROM pg_database ORDER BY datname")
            return [str(row[0]) for row in rows]

    def create_database(self, name: str, *, template: str | None = None) -> DatabaseAddress:
        """Create database `name`: empty with the extensions in it, or a copy of `template`.

        Nobody may be connected to the template meanwhile. The tables' owner owns the database.
        """
        with self.connect_superuser() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name),
                    sql.Identifier(OWNER_ROLE),
                    sql.Identifier(template or "template0"),
                )
            )
        if template is None:
            with self.connect_superuser(name) as connection:
                for extension in EXTENSIONS:
                    connection.execute(
                        sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension))
                    )
                for statement in LEAKPROOF:
                    connection.execute(statement)
                # PostgreSQL 14 still lets everybody create tables in the public schema.
                connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                connection.execute(
                    sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(OWNER_ROLE))
                )
        return self.database(name)

    def rename_database(self, name: str, new_name: str) -> None:
        """Rename a database that nobody is connected to."""
        with self.connect_superuser() as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(name), sql.Identifier(new_name)
                )
            )

    def drop_database(self, name: str) -> None:
        """Drop database `name` if it exists, ending whatever is still connected to it."""
        with self.connect_superuser() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _have_roles(self) -> None:
        passwords = self._passwords()
        attributes = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
        with self.connect_superuser() as connection:
            for role, password in passwords.items():
                known = connection.execute(
                    "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s",
                    [role],
                ).fetchone()
                mark = hashlib.sha256(f"{role}:{password}".encode()).hexdigest()[:16]
                if known is not None and known[0] == mark:
                    continue
                verb = sql.SQL("CREATE" if known is None else "ALTER")
                name = sql.Identifier(role)
                connection.execute(
                    sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                        verb, name, attributes, sql.Literal(password)
                    )
                )
                # The mark spares every later start the write, and shows a lost password file.
                connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, mark))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        asked = self.server.asked_folder
        path = asked.with_name(asked.name + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _passwords(self) -> dict[str, str]:
        path = self.server.folder / "passwords.json"
        if path.is_file():
            kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return kept
        passwords = {role: secrets.token_hex(16) for role in (OWNER_ROLE, APP_ROLE)}
        fresh = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(passwords, file)
        fresh.replace(path)
        return passwords


@contextlib.contextmanager
def last_one_stops(folder: Path) -> Iterator[None]:
    """Count as a user of the shared test cluster in `folder`; the last one out stops it.

    The count is a shared file lock, so that a killed process drops out of it by itself.
    """
    path = folder.with_name(folder.name + ".users")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                Cluster(folder, durable=False).stop()
