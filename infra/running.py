"""Changming running on one machine: `changming up`.

Belongs here: cluster, migrations, demo town and children in their order, up and down again. Does
not belong here: installing anything (`prepare`), one process's own work (`cli serve`).
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from infra.children import Child, ChildPlan
from infra.cluster import Cluster
from infra.deployment import (
    Running,
    for_servers,
    running_file,
    settings_environment,
    write_running,
)
from infra.machine import SetupProblem
from infra.server_process import ClusterProblem
from infra.steps import Steps
from server.db.migrate import migrate
from server.settings import Settings

DATABASE = "changming"
READY_WITHIN_S = 90.0
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who runs `changming up` wants."""

    var: Path
    """Folder of the cluster and the logs."""
    demo: bool = True
    drill: bool = True
    speed: float = 1.0
    """Business seconds per second of the drill, 1 to 60."""
    intensity: str = "calm"
    verbose: bool = False
    settings: Settings = field(default_factory=Settings)
    own_database: bool = True
    """False: settings name a database, and no cluster of ours is started."""


def run(wishes: Wishes, plans: Callable[[Wishes, Settings], list[ChildPlan]] | None = None) -> int:
    """Bring everything up, keep it up until Ctrl-C or SIGTERM, and take it down; an exit status.

    `plans` says which processes to run; without it, the product's.
    """
    stopping = _stop_on_signals()
    wishes.var.mkdir(parents=True, exist_ok=True)
    with _only_one(wishes.var):
        return _Run(wishes, stopping, plans or child_plans).go()


@contextlib.contextmanager
def _only_one(var: Path) -> Iterator[None]:
    with (var / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupProblem(
                f"Changming already runs from {var}. Stop that one first, or choose another "
                "folder with --var."
            ) from None
        yield


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return stopping


class Stopped(Exception):
    """The person asked to stop while things were still coming up."""


class _Run:
    def __init__(
        self,
        wishes: Wishes,
        stopping: threading.Event,
        plans: Callable[[Wishes, Settings], list[ChildPlan]],
    ) -> None:
        self._plans = plans
        self._wishes = wishes
        self._stopping = stopping
        self._steps = Steps(wishes.var / "log")
        self._steps.load(wishes.var / "log/prepare/steps.json")
        self._journal = Journal(wishes.var / "log", echo=wishes.verbose)
        self._cluster: Cluster | None = None
        self._children: list[Child] = []
        self._settings = wishes.settings

    def go(self) -> int:
        try:
            self._rise()
            while not self._stopping.wait(0.25):
                self._watch_over()
        except Stopped:
            pass
        except (SetupProblem, ClusterProblem) as problem:
            print(f"\n{problem}", file=sys.stderr, flush=True)
            return 1
        finally:
            self._go_down()
        return 0

    # --- up ---

    def _rise(self) -> None:
        began = time.monotonic()
        for port in (self._settings.console_port, self._settings.field_port):
            _must_be_free(self._settings.host, port)
        if self._wishes.own_database:
            self._step("database server", self._start_cluster)
        self._step("tables", self._migrate)
        if self._wishes.demo:
            self._settings = replace(self._settings, demo_sign_ins=True, drill_clock=True)
            self._step("demo town", self._load_demo)
            self._step("demo's past", self._tell_demo_past)
        self._step("servers", self._start_children)
        self._remember()
        print(f"\n{self._steps.summary()}\n", flush=True)
        self._say(f"up, {time.monotonic() - began:.1f} s after `changming up` began")
        print(self._welcome(), flush=True)

    def _step(self, name: str, action: Callable[[], str | None]) -> None:
        if self._stopping.is_set():
            raise Stopped
        self._steps.run(name, action)

    def _start_cluster(self) -> str:
        self._cluster = Cluster(self._wishes.var / "pg", durable=True)
        was_there = self._cluster.postmaster_pid() is not None
        self._cluster.start()
        if not self._cluster.has_database(DATABASE):
            # Made under another name first: a database that exists is complete.
            self._cluster.drop_database("unfinished")
            self._cluster.create_database("unfinished")
            self._cluster.rename_database("unfinished", DATABASE)
        address = self._cluster.database(DATABASE)
        self._settings = replace(
            self._settings, database_url=address.app_url, owner_url=address.owner_url
        )
        return f"{'found running' if was_there else 'started'} on port {self._cluster.port}"

    def _migrate(self) -> str:
        if self._settings.owner_url is None:
            raise SetupProblem(
                "CHANGMING_DATABASE_URL is set, CHANGMING_OWNER_URL is not: migrations need the "
                "role that owns the tables."
            )
        migrate(self._settings.owner_url)
        return "up to date"

    def _tell_demo_past(self) -> str:
        from infra.doors import open_doors
        from server.drill import demo_business

        def told(words: str) -> None:
            if self._stopping.is_set():
                raise Stopped
            self._steps.note(words)

        return asyncio.run(demo_business.load(self._settings, open_doors, told))

    def _load_demo(self) -> str:
        from server.drill import demo

        return asyncio.run(
            demo.load(self._settings, lambda what, share: self._steps.note(f"{what} {share:.0%}"))
        )

    def _start_children(self) -> str:
        for plan in self._plans(self._wishes, self._settings):
            self._children.append(Child(plan, self._journal.write, self._say))
        for child in self._children:
            child.start()
        deadline = time.monotonic() + READY_WITHIN_S
        waiting = list(self._children)
        while waiting:
            self._steps.note("waiting for " + ", ".join(child.plan.name for child in waiting))
            if self._stopping.wait(0.1):
                raise Stopped
            fallen = [child for child in waiting if child.pid is None]
            if fallen or time.monotonic() > deadline:
                raise SetupProblem(self._why_not(fallen or waiting))
            waiting = [child for child in waiting if not child.serves()]
        return ", ".join(child.plan.name for child in self._children)

    def _why_not(self, children: list[Child]) -> str:
        names = ", ".join(child.plan.name for child in children)
        journal = self._journal
        return f"{names} did not come up. The log {journal.path} ends:\n{journal.ending()}"

    def _welcome(self) -> str:
        settings = self._settings
        host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - compared
        lines = [
            f"Console 调度台   http://{host}:{settings.console_port}/   (API: /api/docs)",
            f"Phones 手机端    http://{host}:{settings.field_port}/   (API: /v1/docs)",
        ]
        if self._wishes.demo:
            lines.append("Demo sign-ins 演示账号 (company 单位 / user 用户 / password 密码):")
            from server.drill import demo

            for company, username, password, who in demo.sign_ins():
                lines.append(f"  {company} / {username} / {password}   {who}")
        lines.append(f"Log: {self._journal.path}    Stop: Ctrl-C")
        return "\n".join(lines)

    def _remember(self) -> None:
        """Write down who runs where, for commands, for people and for tests that kill things."""
        cluster = self._cluster
        running = Running(
            up=os.getpid(),
            postmaster=None if cluster is None else cluster.postmaster_pid(),
            children={child.plan.name: child.pid for child in self._children},
            environment=settings_environment(self._settings),
        )
        write_running(self._wishes.var, running)

    # --- while up ---

    def _watch_over(self) -> None:
        before = [child.pid for child in self._children]
        fell = self._cluster is not None and self._cluster.postmaster_pid() is None
        if fell and self._cluster is not None:
            self._say("the database server fell; starting it again")
            try:
                self._cluster.start()
            except ClusterProblem as problem:
                # Tried again on the next turn: the servers answer 503 meanwhile and lose nothing.
                self._say(str(problem))
                self._stopping.wait(2.0)
        for child in self._children:
            child.look_after()
        if fell or before != [child.pid for child in self._children]:
            self._remember()

    def _say(self, text: str) -> None:
        moment = time.strftime("%H:%M:%S")
        print(f"{moment}  {text}", flush=True)
        self._journal.write("up", text)

    # --- down ---

    def _go_down(self) -> None:
        """The drill first, so that it does not ring a server that is going; the cluster last."""
        if self._children:
            self._say("stopping")
        last_first = sorted(self._children, key=lambda child: child.plan.name != "drill")
        for group in (last_first[:1], last_first[1:]):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.await_stop(GRACE_S)
        if self._cluster is not None:
            try:
                self._cluster.stop()
            except ClusterProblem as problem:
                print(problem, file=sys.stderr, flush=True)
        running_file(self._wishes.var).unlink(missing_ok=True)
        if self._children:
            self._say("stopped")


def child_plans(wishes: Wishes, settings: Settings) -> list[ChildPlan]:
    """The processes that make up a running Changming, in the order they start."""
    # Only migrations need the owner's way in; no server may even see it.
    ours = {name: value for name, value in os.environ.items() if name != "CHANGMING_OWNER_URL"}
    environment = {**ours, **settings_environment(for_servers(settings)), "PYTHONUNBUFFERED": "1"}
    changming = [sys.executable, "-m", "infra.cli"]
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - compared
    plans = [
        ChildPlan(
            "console",
            [*changming, "serve", "console"],
            environment,
            health_url=f"http://{host}:{settings.console_port}/api/me",
        ),
        ChildPlan(
            "field",
            [*changming, "serve", "field"],
            environment,
            health_url=f"http://{host}:{settings.field_port}/v1/openapi.json",
        ),
        ChildPlan("watch", [*changming, "serve", "watch"], environment),
    ]
    if wishes.demo and wishes.drill:
        command = [*changming, "drill", "run", "--speed", f"{wishes.speed:g}"]
        command += ["--intensity", wishes.intensity]
        plans.append(ChildPlan("drill", command, environment, may_end=True))
    return plans


def _must_be_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SetupProblem(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose others with "
                "--console-port and --field-port."
            ) from None


class Journal:
    """var/log/changming.log: every line of every child with its name, kept to 80 MB."""

    def __init__(self, folder: Path, *, echo: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "changming.log"
        # Made directly, not by getLogger: nothing but our own lines shall end up in it.
        self._logger = logging.Logger("journal")
        handlers: list[logging.Handler] = [
            RotatingFileHandler(self.path, maxBytes=20_000_000, backupCount=3, encoding="utf-8")
        ]
        if echo:
            handlers.append(logging.StreamHandler())
        for handler in handlers:
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            self._logger.addHandler(handler)

    def write(self, name: str, line: str) -> None:
        """Add one line said by `name`. Safe from any thread."""
        self._logger.info("%-8s %s", name, line)

    def ending(self, lines: int = 40) -> str:
        """The last lines, for a person to see what went wrong."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
