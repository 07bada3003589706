"""docs/coverage.md is what the packs and the tests come to, and a gap cannot be written down."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.coverage import (
    ALL_OF,
    COVERAGE,
    LIMIT,
    WALK,
    Inventory,
    Row,
    Section,
    coverage,
    find,
    names_of_tests,
    read_inventory,
)
from server.policy.loading import PACKS_FOLDER
from tests.api.test_processes import walked
from tests.unit.policy.test_limits import LIMITS


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return read_inventory()


@pytest.fixture(scope="module")
def tests() -> frozenset[str]:
    return names_of_tests()


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A copy of the shipped packs that a test may spoil."""
    shutil.copytree(PACKS_FOLDER, tmp_path / "packs")
    return tmp_path / "packs"


def spoil(packs: Path, file: str, old: str, new: str) -> None:
    path = packs / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_everything_the_regulations_say_is_covered_or_has_its_reason(
    inventory: Inventory, tests: frozenset[str]
) -> None:
    text, problems = coverage(inventory, tests)
    assert problems == []
    assert COVERAGE.read_text(encoding="utf-8") == text, "run: changming coverage"


def test_every_process_limit_and_reading_has_its_row(inventory: Inventory) -> None:
    rows = {section.name: {row.id for row in section.rows} for section in inventory.sections}
    for name, ids in ALL_OF.items():
        assert set(ids) <= rows[name]


def test_every_walk_and_limit_that_is_named_is_one_that_runs(
    inventory: Inventory, tests: frozenset[str]
) -> None:
    """Their names carry a company and a process or clause, which no test's name shows."""
    runs = {f"{WALK}[{company}-{process}]" for company, process in walked()}
    runs |= {f"{LIMIT}[{company}-{clause}]" for company, clause, _ in LIMITS}
    for section in inventory.sections:
        for row in section.rows:
            named = {one for one in find(row, section, tests, PACKS_FOLDER).tests if "[" in one}
            assert named <= runs, row.id


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        # A clause, its figure, its words; a process; what stands in a step; a name.
        ("anshun/clauses_cases.toml", 'id = "T28"', 'id = "X28"', "Time limits, T28: is nowhere"),
        ("anshun/clauses_cases.toml", "value = 3 }", "value = 4 }", "not working_day 3"),
        ("xinzheng/clauses_cases.toml", "24小时内与用户", "尽快与用户", "T02: is nowhere"),
        ("xinyang/processes/P32.toml", 'id = "P32"', 'id = "P33"', "Processes, P32: is nowhere"),
        ("anshun/processes/P28.toml", "佩证", "", "佩证: is nowhere"),
        ("default/roles.toml", '"客服户家", ', "", "Who acts, 客服户家: is nowhere"),
        ("anshun/hours.toml", "33525106", "33525107", "is nowhere in the pack of anshun (hours)"),
        ("tanghe/clauses_cases.toml", "A6", "A5", "A6: is nowhere in the pack of tanghe"),
    ],
)
def test_what_is_taken_out_of_a_pack_is_missed(
    inventory: Inventory,
    tests: frozenset[str],
    packs: Path,
    file: str,
    old: str,
    new: str,
    problem: str,
) -> None:
    spoil(packs, file, old, new)
    text = "\n".join(coverage(inventory, tests, packs)[1])
    assert problem in text


def section_of(**row: object) -> Section:
    made = msgspec.convert({"id": "T01", "of": ["001"], **row}, Row)
    return Section(name="one", title="One", rows=(made,))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({}, "has neither a place nor a reason"),
        ({"at": ["channel"], "says": "一企一群"}, "is nowhere in the pack of xinzheng"),
        (
            {"at": ["clause:T01"], "says": "*", "tests": ["tests/no.py::test_no"]},
            "no test tests/no",
        ),
        ({"at": ["channel:wechat"], "says": "*"}, "is run by no test and has no reason"),
        ({"at": ["clause:T01", "fee"], "says": "24小时之内"}, "no fee holds it"),
        ({"code": ["server/clock.py"], "tests": []}, "server/clock.py does not name it"),
    ],
)
def test_a_row_that_is_not_covered_is_told(
    tests: frozenset[str], row: dict[str, object], problem: str
) -> None:
    _, problems = coverage(Inventory(sections=(section_of(**row),)), tests)
    assert problem in "\n".join(problems)


def test_a_reason_may_stand_alone(tests: frozenset[str]) -> None:
    section = section_of(reason="a person's decision")
    text, problems = coverage(Inventory(sections=(section,)), tests)
    assert problems == []
    assert "a person's decision" in text


def test_a_complete_section_misses_nothing(inventory: Inventory, tests: frozenset[str]) -> None:
    limits = next(one for one in inventory.sections if one.name == "limits")
    without = msgspec.structs.replace(limits, rows=limits.rows[1:])
    _, problems = coverage(Inventory(sections=(without,)), tests)
    assert problems == ["Time limits: T01 has no row"]


def test_a_vector_is_counted_and_not_believed(inventory: Inventory, tests: frozenset[str]) -> None:
    vectors = next(one for one in inventory.sections if one.vectors)
    wrong = msgspec.structs.replace(vectors.vectors[0], working_days=2)
    section = msgspec.structs.replace(vectors, rows=(), vectors=(wrong,))
    _, problems = coverage(Inventory(sections=(section,)), tests)
    assert problems == ["Working-day vectors: 2026-02-13 + 2 WD is 2026-02-24"]


def test_the_command_says_whether_the_page_is_up_to_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert CliRunner().invoke(main, ["coverage", "--check"]).output == "Up to date.\n"
    monkeypatch.setattr("infra.cli_docs.COVERAGE", tmp_path / "coverage.md")
    outdated = CliRunner().invoke(main, ["coverage", "--check"])
    assert outdated.exit_code == click.ClickException.exit_code
    assert "Run: changming coverage" in outdated.output
