"""Steps with a name, visible progress, a stamp that says they need not run again, and a summary.

Belongs here: how steps are shown and remembered. Does not belong here: what any step does
(`environment`, `prepare`, `checks`, `running`). Standard library only.
"""

import hashlib
import json
import os
import selectors
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from infra.machine import SetupProblem

QUIET_S = 10.0
"""Without a terminal, a step that takes long says so this often."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One finished step: what it was, how long it took in seconds, and how it ended."""

    name: str
    seconds: float
    outcome: str


class Steps:
    """Runs steps one after the other and tells the person at the keyboard what goes on."""

    def __init__(self, log_folder: Path, out: TextIO | None = None) -> None:
        self.taken: list[Taken] = []
        self._log_folder = log_folder
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._name = ""
        self._began = 0.0
        self._shown_at = 0.0

    def run(self, name: str, action: Callable[[], str | None]) -> None:
        """Run `action` under `name`; its answer is a word on how it went, such as 'unchanged'.

        An exception is shown with the step's name, and goes on.
        """
        self._name = name
        self._began = self._shown_at = time.monotonic()
        self._show(f"· {name}", passing=True)
        try:
            outcome = action() or "done"
        except BaseException:
            seconds = time.monotonic() - self._began
            self.taken.append(Taken(name, seconds, "FAILED"))
            self._show(f"✗ {name}  FAILED after {seconds:.1f} s")
            raise
        seconds = time.monotonic() - self._began
        self.taken.append(Taken(name, seconds, outcome))
        self._show(f"✓ {name}  {outcome}, {seconds:.1f} s")

    def note(self, text: str) -> None:
        """Say what the present step is at: a passing line on a terminal, now and then elsewhere."""
        now = time.monotonic()
        if not self._live and now - self._shown_at < QUIET_S:
            return
        self._shown_at = now
        self._show(f"· {self._name}  {now - self._began:.0f} s  {text}", passing=True)

    def command(
        self,
        words: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        explain: str = "",
        ending_lines: int = 15,
    ) -> None:
        """Run a program, its last line of output shown as progress and all of it kept in a log.

        Raises SetupProblem with the end of its output when it fails; `explain` is added to it.
        """
        self._log_folder.mkdir(parents=True, exist_ok=True)
        log_path = self._log_folder / f"{_file_name(self._name)}.log"
        with log_path.open("a", encoding="utf-8") as log:
            print("$", *words, file=log, flush=True)
            with subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, "NO_COLOR": "1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as program:
                tail = self._follow(program, log)
            status = program.returncode
        if status != 0:
            ending = "\n".join(f"    {line}" for line in tail[-ending_lines:])
            raise SetupProblem(
                f"{words[0]} ended with status {status}. Its output, kept in {log_path}, ends:\n"
                f"{ending}\n{explain}".rstrip()
            )

    def _follow(self, program: "subprocess.Popen[bytes]", log: TextIO) -> list[str]:
        """Read a program's output to its end; without any for a second, time is still shown."""
        assert program.stdout is not None
        tail: list[str] = []
        rest = b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(program.stdout, selectors.EVENT_READ)
            while True:
                if not waiting.select(timeout=1.0):
                    self.note(tail[-1] if tail else "")
                    continue
                chunk = os.read(program.stdout.fileno(), 65536)
                if not chunk:
                    return [*tail, rest.decode(errors="replace")] if rest else tail
                log.write(chunk.decode(errors="replace"))
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    text = line.decode(errors="replace").split("\r")[-1].strip()
                    if text:
                        tail = [*tail[-999:], text]
                if tail:
                    self.note(tail[-1])

    def _show(self, text: str, *, passing: bool = False) -> None:
        if self._live:
            columns = os.get_terminal_size(self._out.fileno()).columns
            end = "" if passing else "\n"
            self._out.write(f"\r\x1b[2K{_fit(text, columns - 1) if passing else text}{end}")
        else:
            self._out.write((_fit(text, 120) if passing else text) + "\n")
        self._out.flush()

    def summary(self) -> str:
        """A table of all steps with their seconds, and the sum."""
        return summary(self.taken)

    def save(self, path: Path) -> None:
        """Keep the steps for the program that goes on (see `load`)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(step) for step in self.taken]), encoding="utf-8")

    def load(self, path: Path) -> None:
        """Put the steps another program took, and saved, before ours; the file is used up."""
        if path.is_file():
            steps = json.loads(path.read_text(encoding="utf-8"))
            self.taken = [Taken(**step) for step in steps] + self.taken
            path.unlink()


def summary(taken: Iterable[Taken]) -> str:
    """A table of steps: name, seconds, outcome; the last line is the sum."""
    steps = list(taken)
    rows = [(step.name, f"{step.seconds:8.1f} s", step.outcome) for step in steps]
    rows.append(("total", f"{sum(step.seconds for step in steps):8.1f} s", ""))
    wide = max(_width(row[0]) for row in rows)
    return "\n".join(
        f"  {name}{' ' * (wide - _width(name))}  {seconds}  {outcome}".rstrip()
        for name, seconds, outcome in rows
    )


def _width(text: str) -> int:
    """Columns a text takes on a terminal; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _fit(text: str, columns: int) -> str:
    while _width(text) > max(columns, 20):
        text = text[:-1]
    return text


def _file_name(step: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in step.lower()).strip("-")


# --- stamps --------------------------------------------------------------------------------------


def fingerprint(*parts: Path | str, skip: Sequence[str] = ()) -> str:
    """Digest of texts, files and whole folders, less folders whose name is in `skip`.

    A missing file counts as missing, so that its coming changes the digest.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(b"text\0" + part.encode() + b"\0")
        elif part.is_dir():
            for path in sorted(_files(part, skip)):
                digest.update(str(path.relative_to(part)).encode() + b"\0" + path.read_bytes())
        else:
            content = part.read_bytes() if part.is_file() else b"missing"
            digest.update(part.name.encode() + b"\0" + content)
    return digest.hexdigest()


def _files(folder: Path, skip: Sequence[str]) -> Iterable[Path]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name not in skip:
                yield from _files(entry, skip)
        elif entry.is_file():
            yield entry


class Stamp:
    """Remembers in a file under which digest a step last succeeded."""

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self._digest = digest

    def holds(self) -> bool:
        """Whether the step succeeded with just this digest."""
        return self._path.is_file() and self._path.read_text(encoding="utf-8") == self._digest

    def set(self) -> None:
        """The step has succeeded."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._digest, encoding="utf-8")

    def clear(self) -> None:
        """The step is about to begin: until it ends well, nothing is known to be in place."""
        self._path.unlink(missing_ok=True)
