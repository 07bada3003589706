"""Pins: writes infra/requirements.lock from pyproject.toml and proves it on every Python line.

Run by hand after a change of dependencies: `.venv/bin/python -m infra.lock`. The file is a list of
constraints, not of things to install, so that one file serves all Python lines and extras.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from infra.checkout import ROOT
from infra.environment import LOCK, NODE_WHEEL

PYTHON_LINES = ("3.11", "3.12", "3.13")
_HEADER = """\
# Versions every installation uses, whatever the Python line and the extras: constraints for pip.
# Written by `python -m infra.lock` from pyproject.toml; not edited by hand.
"""


def requirements() -> list[str]:
    """Everything pyproject.toml asks for, extras included, and the wheel that carries Node."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [*project["dependencies"], *extras, NODE_WHEEL]


def resolve(python_line: str, constraints: Path | None) -> dict[str, str]:
    """Names and versions pip would install from wheels alone on Python `python_line`."""
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"]
        command += ["--disable-pip-version-check", "--root-user-action", "ignore"]
        command += ["--python-version", python_line, "--only-binary", ":all:", "--target", target]
        command += ["--ignore-installed"]
        if constraints is not None:
            command += ["--constraint", str(constraints)]
        answer = subprocess.run([*command, *requirements()], stdout=subprocess.PIPE, check=True)
    chosen = [item["metadata"] for item in json.loads(answer.stdout)["install"]]
    return {item["name"].lower().replace("_", "-"): item["version"] for item in chosen}


def main() -> int:
    """Resolve on the oldest line, then prove that the others can live with the same versions."""
    oldest, *later = PYTHON_LINES
    pins = resolve(oldest, None)
    LOCK.write_text(
        _HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())),
        encoding="utf-8",
    )
    print(f"Python {oldest}: {len(pins)} packages pinned in {LOCK.relative_to(ROOT)}")
    for line in later:
        chosen = resolve(line, LOCK)
        own = sorted(set(chosen) - set(pins))
        print(f"Python {line}: {len(chosen)} packages, unpinned of its own: {own or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
