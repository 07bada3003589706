"""Child processes: started together, watched, started again when they fall, stopped in order.

Belongs here: processes and their output. Does not belong here: what the children are (`running`).
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STEADY_S = 60.0
"""A child that has lived this long has recovered: its next fall is met after the shortest pause."""

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """What a child is: its name, its command, its environment, and how it shows that it serves."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    """All of it: nothing is added from ours."""
    health_url: str | None = None
    """Any answer below 500 counts as serving; without a URL, being alive does."""
    may_end: bool = False
    """Whether ending with status 0 is its normal end, after which it is not started again."""


def _die_with_parent() -> None:
    """In the child, before its program begins: ask the kernel to end it when we die, even by -9."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One child process and its history. All methods are called from one thread.

    `write` gets every line of its output with its name; `say` what a person should know.
    """

    def __init__(
        self, plan: ChildPlan, write: Callable[[str, str], None], say: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self._write = write
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._delay_s = FIRST_DELAY_S
        self.ended = False

    @property
    def pid(self) -> int | None:
        """Process id while it lives."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process is not None else None

    def start(self) -> None:
        """Start it, in a session of its own so that the terminal's Ctrl-C reaches only us."""
        self._restart_at = None
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self.plan.command,
            env=self.plan.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self._write(self.plan.name, line.decode(errors="replace").rstrip())

    def serves(self) -> bool:
        """Whether it lives and, where it has a health URL, answers there."""
        if self.pid is None:
            return False
        if self.plan.health_url is None:
            return True
        try:
            with urllib.request.urlopen(self.plan.health_url, timeout=5):  # noqa: S310 - our own
                return True
        except urllib.error.HTTPError as answer:
            return answer.code < 500
        except OSError:
            return False

    def look_after(self) -> None:
        """Notice a fall, and start again after a pause that grows with every fall in a row."""
        if self.ended or self._process is None:
            return
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self._say(f"starting {self.plan.name} again")
                self.start()
            return
        status = self._process.poll()
        if status is None:
            if now - self._started_at > STEADY_S:
                self._delay_s = FIRST_DELAY_S
            return
        if status == 0 and self.plan.may_end:
            self.ended = True
            self._say(f"{self.plan.name} has come to its end")
            return
        self._say(
            f"{self.plan.name} fell ({_cause(status)}) after {now - self._started_at:.0f} s; "
            f"again in {self._delay_s:.0f} s"
        )
        self._restart_at = now + self._delay_s
        self._delay_s = min(self._delay_s * 2, LONGEST_DELAY_S)

    def ask_to_stop(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.ended = True
        self._restart_at = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def await_stop(self, patience_s: float) -> None:
        """Wait for its end; one that does not end is killed, with whatever it started."""
        if self._process is None:
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._say(f"{self.plan.name} did not stop within {patience_s:.0f} s and is killed")
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._reader is not None:
            self._reader.join(timeout=5)


def alive(pid: int) -> bool:
    """Whether process `pid` runs; a zombie, which only waits to be counted, does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def _cause(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
