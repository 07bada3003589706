"""The server processes of a private cluster: its folder, its user, its port, its coming and going.

Belongs here: what PostgreSQL needs from the operating system, and mending what a crash left. Does
not belong here: roles, passwords and databases (`cluster`).
"""

import contextlib
import hashlib
import itertools
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.machine import PostgresServer, SetupProblem, find_postgres_servers

SUPERUSER = "postgres"

ELSEWHERE = Path("/var/lib/changming")
"""Where a cluster lives whose own folder is closed to the server's user."""

SOCKET_PATH_LIMIT = 107
"""Bytes a Unix socket's path may have on Linux (sun_path less its closing zero)."""

SERVER_USERS = ("postgres", "nobody")
FIRST_PORT, LAST_PORT = 5440, 6439
"""Below Linux's range for outgoing connections, so that a remembered port stays free."""


class ClusterProblem(Exception):
    """The cluster could not be made, started or stopped; the message says why and names the log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The operating-system user a server runs as."""

    name: str
    uid: int
    gid: int


def server_identity(euid: int | None = None, names: Sequence[str] = SERVER_USERS) -> Identity:
    """Who the server shall run as: ourselves, or an unprivileged user when we are root.

    PostgreSQL refuses to run as root. Raises ClusterProblem when root finds none of `names`.
    """
    uid = os.geteuid() if euid is None else euid
    if uid != 0:
        entry = pwd.getpwuid(uid)
        return Identity(entry.pw_name, uid, entry.pw_gid)
    for name in names:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Identity(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise ClusterProblem(
        "PostgreSQL does not run as root, and none of these users exists to run it: "
        + ", ".join(names)
        + ". Create one: useradd --system postgres"
    )


class ServerProcess:
    """PostgreSQL serving `folder`, made on first start; see `Cluster` for what `durable` means."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool,
        servers: Sequence[PostgresServer] | None = None,
        identity: Identity | None = None,
        elsewhere: Path,
    ) -> None:
        self.asked_folder = folder.absolute()
        self.durable = durable
        self._elsewhere = elsewhere
        self._servers = find_postgres_servers() if servers is None else list(servers)
        self._identity = identity or server_identity()

    # --- where things are ---

    @property
    def folder(self) -> Path:
        """The real folder: the one asked for, or where it points to (see `_make_folder`)."""
        return self.asked_folder.resolve()

    @property
    def data_folder(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """The server's own log."""
        return self.folder / "server.log"

    @property
    def socket_folder(self) -> Path:
        """Folder of the Unix socket; under /tmp when the cluster's own path would be too long."""
        own = self.folder / "s"
        if len(os.fsencode(own / f".s.PGSQL.{LAST_PORT}")) <= SOCKET_PATH_LIMIT:
            return own
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp") / f"changming-{self._identity.uid}-{digest}"  # noqa: S108 - checked by _make_private

    @property
    def port(self) -> int:
        """The port chosen at the last start. Raises ClusterProblem before the first."""
        port = self._state().get("port")
        if port is None:
            raise ClusterProblem(f"The cluster in {self.folder} was never started.")
        return int(port)

    # --- life ---

    def start(self) -> None:
        """Make, mend and start a server that does not run. The caller holds the cluster's lock."""
        self._make_folder()
        if not (self.data_folder / "PG_VERSION").is_file():
            self._initialise()
        self._clear_crash()
        try:
            self._launch()
        except ClusterProblem:
            if self.durable:
                raise
            # Nothing in a test cluster is worth mending, and with fsync off a machine that went
            # down may have left it beyond mending.
            shutil.rmtree(self.data_folder)
            self._initialise()
            self._launch()

    def stop(self, timeout_s: float) -> None:
        """Stop a running server cleanly, ending open connections."""
        answer = self._run(
            "pg_ctl", "stop", "-D", str(self.data_folder), "-m", "fast", "-w", "-t",
            str(int(timeout_s)),
        )  # fmt: skip
        if answer.returncode != 0 and self.postmaster_pid() is not None:
            raise ClusterProblem(f"PostgreSQL did not stop: {answer.stderr.strip()}")

    def postmaster_pid(self) -> int | None:
        """Process id of this cluster's running postmaster, or None.

        A pid file left by a crash names a process that is gone, a zombie, or somebody else: the
        process counts only when it is alive and works in our data directory.
        """
        pid = self._pid_in_file()
        return pid if pid is not None and self._works_here(Path(f"/proc/{pid}")) else None

    # --- making ---

    def _make_folder(self) -> None:
        """Make the cluster's folder, where the server's user can reach it.

        A checkout under /root is closed to everybody but root. Then the cluster lives
        elsewhere, and the folder asked for is a link to it.
        """
        identity = self._identity
        if not self.folder.exists():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700)
            self._give_away(self.folder)
        if os.geteuid() != identity.uid and not self._server_user_reaches(self.folder):
            digest = hashlib.sha256(os.fsencode(self.asked_folder)).hexdigest()[:12]
            elsewhere = self._elsewhere / digest
            elsewhere.mkdir(mode=0o700, parents=True, exist_ok=True)
            elsewhere.parent.chmod(0o755)
            self._give_away(elsewhere)
            self.asked_folder.rmdir()
            self.asked_folder.symlink_to(elsewhere)
        self._make_private(self.socket_folder)

    def _server_user_reaches(self, folder: Path) -> bool:
        return self._as_server_user(["test", "-w", str(folder)], cwd=Path("/")).returncode == 0

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._identity.uid, self._identity.gid)

    def _make_private(self, folder: Path) -> None:
        """A folder only the server's user may enter; one prepared by somebody else is refused."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self._give_away(folder)
        stat = folder.lstat()
        if folder.is_symlink() or stat.st_uid != self._identity.uid or stat.st_mode & 0o077:
            raise ClusterProblem(f"{folder} exists, but is not private to {self._identity.name}.")

    def _initialise(self) -> None:
        server = self._server(None)
        fresh = self.folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        options.append("--data-checksums" if self.durable else "--no-sync")
        answer = self._as_server_user(
            [str(server.bin_folder / "initdb"), "-D", str(fresh), *options], cwd=self.folder
        )
        if answer.returncode != 0:
            raise ClusterProblem(f"initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as main:
            main.write("\ninclude_if_exists = 'changming.conf'\n")
        (fresh / "pg_hba.conf").write_text(
            f"local all {SUPERUSER} trust\n"
            f"host all {SUPERUSER} 0.0.0.0/0 reject\n"
            "local all all scram-sha-256\n"
            "host all all 127.0.0.1/32 scram-sha-256\n",
            encoding="utf-8",
        )
        # Renamed last, so that a half-made cluster is never taken for a whole one.
        fresh.rename(self.data_folder)

    def _settings(self, port: int) -> str:
        lines = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(port),
            "unix_socket_directories": f"'{self.socket_folder}'",
            "max_connections": "150",
            "shared_buffers": "'256MB'" if self.durable else "'128MB'",
            "cluster_name": "'changming'",
            "timezone": "'UTC'",
            "log_timezone": "'UTC'",
            "log_line_prefix": "'%m [%p] %u@%d '",
            "lc_messages": "'C'",
            "password_encryption": "'scram-sha-256'",
            "random_page_cost": "1.1",
            # Compiling a query costs more than any of ours runs.
            "jit": "off",
            "fsync": "on" if self.durable else "off",
            "synchronous_commit": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            "max_wal_size": "'2GB'",
        }
        if not self.durable:
            lines |= {"wal_level": "minimal", "max_wal_senders": "0"}
        return "".join(f"{name} = {value}\n" for name, value in lines.items())

    # --- starting ---

    def _server(self, version: int | None) -> PostgresServer:
        if not self._servers:
            raise SetupProblem(
                "No PostgreSQL with PostGIS on this machine. Install it: "
                "sudo apt-get install postgresql-postgis"
            )
        for server in self._servers:
            if version is None or server.version == version:
                return server
        raise SetupProblem(
            f"The cluster in {self.folder} was made by PostgreSQL {version}, which is not here any "
            f"more. Install it again: sudo apt-get install postgresql-{version}-postgis-3"
        )

    def _made_by(self) -> int:
        return int((self.data_folder / "PG_VERSION").read_text(encoding="ascii").strip())

    def _launch(self) -> None:
        refused: list[str] = []
        for port in self._ports():
            settings = self.data_folder / "changming.conf"
            settings.write_text(self._settings(port), encoding="utf-8")
            settings.chmod(0o644)
            begins = self.log_file.stat().st_size if self.log_file.exists() else 0
            answer = self._run(
                "pg_ctl", "start", "-D", str(self.data_folder), "-w", "-t", "120", "-s",
                "-l", str(self.log_file),
            )  # fmt: skip
            if answer.returncode == 0:
                self._remember({"port": port, "version": self._made_by()})
                return
            said = self._log_since(begins)
            if "could not bind" not in said:
                raise ClusterProblem(
                    f"PostgreSQL did not start; its log is {self.log_file} and ends:\n{said}"
                )
            refused.append(str(port))
        raise ClusterProblem(f"Every port tried for PostgreSQL is taken: {', '.join(refused)}")

    def _ports(self) -> Iterator[int]:
        """The remembered port first, then free ones; three, as another may be quicker to bind."""
        remembered = self._state().get("port")
        if remembered is not None and _is_free(int(remembered)):
            yield int(remembered)
        span = LAST_PORT - FIRST_PORT + 1
        begin = int(hashlib.sha256(os.fsencode(self.folder)).hexdigest(), 16) % span
        free = (
            port for step in range(span) if _is_free(port := FIRST_PORT + (begin + step) % span)
        )
        yield from itertools.islice(free, 3)

    def _clear_crash(self, timeout_s: float = 30.0) -> None:
        """Put away what a killed server left, once none of its processes lives.

        Backends of a killed postmaster notice within moments and go; one deep in a long query does
        not, and is then told to.
        """
        left = [self.data_folder / "postmaster.pid", *self.socket_folder.glob(".s.PGSQL.*")]
        if not any(path.exists() for path in left):
            return
        deadline = time.monotonic() + timeout_s
        told = False
        while alive := self._live_processes():
            if not told and time.monotonic() > deadline - timeout_s / 2:
                for pid in alive:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGQUIT)
                told = True
            if time.monotonic() > deadline:
                raise ClusterProblem(f"Processes of a killed PostgreSQL stay alive: {alive}")
            time.sleep(0.05)
        # PostgreSQL itself would keep to the pid in these files when it has since become a zombie
        # or another process of the same user.
        for path in left:
            path.unlink(missing_ok=True)

    def _pid_in_file(self) -> int | None:
        try:
            first = (self.data_folder / "postmaster.pid").read_text(encoding="ascii").split("\n")[0]
            return int(first)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def _live_processes(self) -> set[int]:
        entries = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return {int(entry.name) for entry in entries if self._works_here(entry)}

    def _works_here(self, process: Path) -> bool:
        """Whether a process (its folder in /proc) is ours: PostgreSQL works in its data directory.

        A zombie has no working directory any more, so it is not.
        """
        try:
            return (process / "cwd").readlink() == self.data_folder
        except OSError:
            return False

    def _log_since(self, offset: int) -> str:
        if not self.log_file.exists():
            return "(no log)"
        with self.log_file.open(encoding="utf-8", errors="replace") as log:
            log.seek(offset)
            return "".join(log.readlines()[-20:])

    # --- programs ---

    def _run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        path = self._server(self._made_by()).bin_folder / program
        return self._as_server_user([str(path), *arguments], cwd=self.data_folder)

    def _as_server_user(
        self, command: Sequence[str], *, cwd: Path
    ) -> "subprocess.CompletedProcess[str]":
        identity = self._identity
        other = os.geteuid() != identity.uid
        # Output goes to files: the postmaster inherits them, and a pipe would never end.
        return subprocess.run(
            command,
            cwd=cwd,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=identity.uid if other else None,
            group=identity.gid if other else None,
            extra_groups=os.getgrouplist(identity.name, identity.gid) if other else None,
        )

    # --- what is remembered ---

    def _state(self) -> dict[str, int]:
        path = self.folder / "state.json"
        if not path.is_file():
            return {}
        state: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
        return state

    def _remember(self, state: dict[str, int]) -> None:
        path = self.folder / "state.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(state), encoding="utf-8")
        fresh.replace(path)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
