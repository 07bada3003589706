"""The three launchers, as a person starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra import environment
from infra.checkout import ROOT
from infra.environment import VENV
from infra.machine import Need
from infra.prepare import bench_names, check


def launch(*words: str, path: str = "/usr/bin:/bin") -> "subprocess.CompletedProcess[str]":
    """Run a launcher from another folder with a given PATH."""
    name, *rest = words
    return subprocess.run(
        [str(ROOT / "infra" / name), *rest],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": path, "CHANGMING_PYTHON": sys.executable},
    )


def test_check_says_what_the_machine_has_and_changes_nothing() -> None:
    before = sorted(path.name for path in ROOT.iterdir())
    told = launch("up", "--check")
    assert told.returncode == 0, told.stderr
    assert "✓ PostgreSQL with PostGIS" in told.stdout
    assert "Node" in told.stdout
    assert sorted(path.name for path in ROOT.iterdir()) == before


def test_check_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    postgis = Need("PostgreSQL with PostGIS", False, ("postgresql-postgis",))
    chromium = Need("Chromium", False, ("chromium",))
    assert check([postgis], [postgis, chromium], None, may_install=False) == 1
    told = capsys.readouterr().out
    assert "✗ PostgreSQL with PostGIS   (would install postgresql-postgis)" in told
    assert "✗ Chromium, for the browser tests   (would install chromium)" in told
    assert "✓ Node would come from Python's installer" in told
    assert told.endswith("sudo apt-get update && sudo apt-get install -y postgresql-postgis\n")


def test_check_does_not_ask_for_what_only_tests_need(capsys: pytest.CaptureFixture[str]) -> None:
    chromium = Need("Chromium", False, ("chromium",))
    assert check([], [chromium], Path("/usr/bin"), may_install=False) == 0
    assert "apt-get" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["up", "test", "bench"])
def test_help_is_quick_and_says_what_it_does(name: str) -> None:
    told = launch(name, "--help")
    assert told.returncode == 0
    assert told.stdout.startswith(f"infra/{name} ")


def test_benches_are_listed_and_a_wrong_name_is_refused() -> None:
    assert bench_names()
    told = launch("bench")
    assert told.returncode == 0
    assert all(name in told.stdout for name in bench_names())
    assert launch("bench", "no-such-bench").returncode == 2


def test_machine_without_a_new_enough_python_is_told(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    old.chmod(0o755)
    for name in ("dirname", "basename", "sh"):
        (tmp_path / name).symlink_to(Path("/bin") / name)
    told = subprocess.run(
        [str(ROOT / "infra/up")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert told.returncode == 1
    assert "Python 3.11 or later" in told.stderr
    assert "apt-get install python3 python3-venv" in told.stderr


def test_guard_of_main_runs_every_check() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert script.splitlines()[-1].endswith('infra/test"')
    for name in (".ci/run", "infra/up", "infra/test", "infra/bench"):
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_screens_are_built_with_the_environments_node_where_the_machine_has_none(
    tmp_path: Path,
) -> None:
    assert environment.node_path(lambda name: None).startswith(f"{VENV / 'bin'}:")
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v22.20.0\n", encoding="ascii")
    node.chmod(0o755)
    found = environment.node_path(lambda name: str(tmp_path / name))
    assert found.startswith(f"{tmp_path}:")
