"""From a bare machine to a checkout in which everything runs; then hands over.

Belongs here: which steps there are, in which order, for which of the three launchers. Does not
belong here: how a step is done (`environment`) and what runs afterwards (`running`, `checks`,
`benches`). Standard library only: this runs before the virtual environment exists.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from infra import environment, machine
from infra.checkout import ROOT, var_folder
from infra.environment import VENV
from infra.machine import Need, SetupProblem
from infra.steps import Steps

HELP = {
    "up": """infra/up [--check] [options of `changming up`]

Installs what is missing, builds the screens, and runs Changming until Ctrl-C.
  --check   only say what this machine has and lacks; changes nothing
  --help    also shows the options of `changming up`, once everything is installed
""",
    "test": """infra/test [pytest arguments]

Without arguments: lint, types, import rules, the screens' checks, and every test.
With arguments: pytest alone, with them (infra/test tests/unit -k clock).
""",
    "bench": """infra/bench NAME [options of the bench]

Runs one bench of infra/benches; its last line is one JSON object. Without a name, lists them.
""",
}


def main(arguments: Sequence[str]) -> int:
    """`up`, `test` or `bench` and its arguments; an exit status, unless another program goes on."""
    kind, rest = arguments[0], list(arguments[1:])
    if rest[:1] in (["--help"], ["-h"]):
        print(HELP[kind])
        if kind != "up" or not (VENV / "bin/changming").exists():
            return 0
        return _go_on_as([str(VENV / "bin/changming"), "up", "--help"])
    if kind == "up" and rest == ["--check"]:
        for_up, for_test = machine.needs(browser=False), machine.needs(browser=True)
        may_install = machine.root_prefix() is not None
        return check(for_up, for_test, machine.find_node(), may_install=may_install)
    if kind == "bench" and (not rest or rest[0] not in bench_names()):
        print(HELP["bench"] + "\nBenches: " + (", ".join(bench_names()) or "none yet"))
        return 0 if not rest else 2
    steps = Steps(var_folder() / "log/prepare")
    print(f"Changming 长明 · {machine.described()}", flush=True)
    try:
        prepare(kind, steps)
    except SetupProblem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    steps.save(var_folder() / "log/prepare/steps.json")
    program = {
        "up": [str(VENV / "bin/changming"), "up"],
        "test": [str(VENV / "bin/python"), "-m", "infra.checks"],
        "bench": [str(VENV / "bin/python"), "-m", "infra.benches." + "".join(rest[:1])],
    }[kind]
    return _go_on_as([*program, *(rest[1:] if kind == "bench" else rest)])


def _go_on_as(command: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def prepare(kind: str, steps: Steps) -> None:
    """Take every step that `kind` needs; each is quick when there is nothing to do."""
    stamps = var_folder() / "stamps"
    browser = kind == "test"
    fresh = not (VENV / "bin/python").exists()
    look = partial(machine.needs, browser=browser, environment=fresh)
    steps.run(
        "programs of this machine",
        lambda: environment.have_programs(
            steps, look, prefix=machine.root_prefix(), apt=shutil.which("apt-get") is not None
        ),
    )
    steps.run("virtual environment", lambda: environment.have_virtual_environment(steps))
    extras = ["cch", "test"] if kind == "test" else ["cch"]
    steps.run("Python packages", lambda: environment.have_python_packages(steps, stamps, extras))
    if kind == "bench":
        return
    steps.run("Node", lambda: environment.have_node(steps))
    # For `test` the builds are among the checks: one that breaks must not hide the other results.
    for name in environment.screens_there() if kind == "up" else []:
        steps.run(f"{name} screens", partial(environment.have_screens, steps, stamps, name))


def check(
    for_up: Sequence[Need], for_test: Sequence[Need], node: Path | None, *, may_install: bool
) -> int:
    """Say what a machine has and lacks for `infra/up` and `infra/test`; 1 when `up` lacks."""
    print(f"Changming 长明 · {machine.described()}")
    for need in for_test:
        mark = "✓" if need.here else "✗"
        how = "" if need.here else f"   (would install {' '.join(need.packages)})"
        use = "" if need in for_up else ", for the browser tests"
        print(f"  {mark} {need.what}{use}{how}")
    print(f"  ✓ Node in {node}" if node else "  ✓ Node would come from Python's installer")
    lacking = [package for need in for_up if not need.here for package in need.packages]
    if lacking and not may_install:
        print(f"\nYou may not install here without a password. Run: {machine.by_hand(lacking)}")
    return 1 if lacking else 0


def bench_names() -> list[str]:
    """The benches there are, by name."""
    folder = Path(__file__).parent / "benches"
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
