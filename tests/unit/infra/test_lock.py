"""The pins: every dependency has one, and it lies in the range that pyproject.toml gives."""

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra import lock
from infra.environment import LOCK


def pins() -> dict[str, str]:
    """Pinned versions by canonical name."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_every_dependency_is_pinned_within_its_range() -> None:
    pinned = pins()
    wrong = []
    for line in lock.requirements():
        asked = Requirement(line)
        version = pinned.get(canonicalize_name(asked.name))
        if version is None or not asked.specifier.contains(version):
            wrong.append(f"{line} (pinned: {version})")
    assert wrong == [], "run: python -m infra.lock"


def test_pins_are_constraints_that_pip_accepts() -> None:
    # A constraint may have neither extras nor a second pin for one name.
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert len(pins()) == len(lines)
    assert not any("[" in line for line in lines)
