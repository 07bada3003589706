"""Packs on the command line: checked, shown, compared, explained, drawn; a year imported."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from infra.cli import main
from infra.cluster import DatabaseAddress
from infra.policy_docs import PROCESSES, mermaid, processes_document
from server.policy.loading import PACKS_FOLDER, load_pack, shipped_packs
from tests.packs import INVENTED, load_invented

INVENTED_PACK = str(INVENTED / "invented")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_shipped_packs_are_good() -> None:
    result = run("policy", "check")
    assert result.exit_code == 0, result.output
    for name in shipped_packs():
        assert f"{name}: good" in result.output


def test_one_pack_in_a_folder_of_its_own_is_checked() -> None:
    result = run("policy", "check", INVENTED_PACK)
    assert result.exit_code == 0, result.output
    assert result.output == "invented: good\n"


def test_every_mistake_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    shutil.copytree(INVENTED / "invented", tmp_path / "invented")
    file = tmp_path / "invented" / "roles.toml"
    text = file.read_text(encoding="utf-8").replace('id = "judge"', 'id = "clerk"')
    file.write_text(text, encoding="utf-8")
    line = text[: text.rindex('id = "clerk"')].count("\n") + 1
    result = run("policy", "check", str(tmp_path))
    assert result.exit_code == 1
    assert f"invented/roles.toml:{line}: roles[3].id: clerk is there twice" in result.output


def test_a_folder_without_packs_is_no_good(tmp_path: Path) -> None:
    result = run("policy", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "no pack" in result.output


def test_a_pack_is_shown_with_its_clauses_and_processes() -> None:
    result = run("policy", "show", "anshun")
    assert result.exit_code == 0, result.output
    for words in ("T34", "alarm_received → arrived", "unit=minute value=30", "P01"):
        assert words in result.output


def test_a_pack_that_is_not_there_is_named() -> None:
    result = run("policy", "show", "absent")
    assert result.exit_code == 1
    assert "absent/pack.toml: there is no such pack" in result.output


def test_what_differs_between_two_packs(tmp_path: Path) -> None:
    other = tmp_path / "invented"
    shutil.copytree(INVENTED / "invented", other)
    file = other / "clauses_cases.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("value = 36 }", "value = 30 }").replace('id = "X-PUSH"', 'id = "X-PUSHED"')
    file.write_text(text, encoding="utf-8")
    result = run("policy", "diff", INVENTED_PACK, str(other))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "~ clauses.X-GAS-ON.limit.value: 36 → 30" in lines
    assert "- clauses.X-PUSH  推送后 30 小时内联系" in lines
    assert "+ clauses.X-PUSHED  推送后 30 小时内联系" in lines
    assert lines[-1] == "4 differences."
    assert run("policy", "diff", "anshun", "anshun").output == "0 differences.\n"


def test_a_deadline_is_explained_in_both_languages() -> None:
    """Thu 2026-09-24 + 3 working days = 09-30: domain.md §1.12."""
    result = run("policy", "explain", "anshun", "T28", "--start", "2026-09-24T10:00")
    assert result.exit_code == 0, result.output
    assert "09-24 10:00 + 3 working days = 09-30 17:00" in result.output
    assert "09-24 10:00 + 3 个工作日 = 09-30 17:00" in result.output
    assert "3个工作日内由客户经理联系预约踏勘时间" in result.output


def test_an_explanation_takes_pauses_dates_and_the_stop() -> None:
    result = run(
        *("policy", "explain", INVENTED_PACK, "X-GAS-ON", "--start", "2026-06-01T08:00"),
        *("--pause", "CUSTOMER_SLOT", "2026-06-01T10:00", "2026-06-01T12:00"),
        *("--stop", "2026-06-02T22:00"),
    )
    assert result.exit_code == 0, result.output
    assert "06-01 08:00 + 36 h + paused 2 h = 06-02 22:00; met at 06-02 22:00" in result.output
    result = run(
        *("policy", "explain", INVENTED_PACK, "X-BUILD", "--start", "2026-06-01T08:00"),
        *("--date", "contract_date", "2026-06-20T00:00"),
    )
    assert "due: 06-20 24:00" in result.output or "due: 06-21 00:00" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("anshun", "T99"), "has no clause T99"),
        (("anshun", "T28", "--start", "soon"), "is no instant"),
    ],
)
def test_what_cannot_be_explained_is_said(arguments: tuple[str, ...], words: str) -> None:
    result = run("policy", "explain", *arguments)
    assert result.exit_code != 0
    assert words in result.output


def test_the_drawn_processes_are_those_of_the_packs() -> None:
    text = processes_document(tuple(load_pack(name) for name in shipped_packs()))
    assert PROCESSES.read_text(encoding="utf-8") == text, "run: changming processes"
    result = run("processes", "--check")
    assert result.exit_code == 0, result.output


def test_every_step_and_every_branch_is_drawn() -> None:
    process = load_invented().process("X01")
    assert process is not None
    drawn = mermaid(process)
    for step in process.steps:
        assert f"s_{step.id}" in drawn
        arrows = drawn.count(f"    s_{step.id} -->")
        exits = sum(1 + len(branch.beyond) for branch in step.branches)
        assert arrows == exits + (step.next is not None), step.id
    assert '|"再看一次 ×3"| s_refused' in drawn
    assert "    end" not in drawn, "Mermaid would take it for the end of the chart"


def test_what_companies_share_is_drawn_once() -> None:
    """An heir's inherited process has one picture with both names."""
    packs = tuple(load_pack(name) for name in shipped_packs())
    text = processes_document(packs)
    for process in {process.id for pack in packs for process in pack.processes}:
        owned = [pack.process(process) for pack in packs if pack.process(process) is not None]
        different = [one for number, one in enumerate(owned) if one not in owned[:number]]
        section = text.split(f"\n## {process}\n")[1].split("\n## ")[0]
        assert section.count("```mermaid") == len(different)


def test_a_year_is_imported_for_a_company(
    database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHANGMING_DATABASE_URL", database.app_url)
    monkeypatch.setenv("CHANGMING_OWNER_URL", database.owner_url)
    made = run("create-company", "anshun", "--name-zh", "安顺", "--name-en", "Anshun")
    assert made.exit_code == 0, made.output
    file = tmp_path / "2027.toml"
    shipped = PACKS_FOLDER.parent / "calendars" / "cn-2026.toml"
    file.write_text(
        'year = 2027\nsource = "a notice"\nworkdays = [2027-02-06]\n'
        "days_off = [2027-01-01, 2027-02-08]\n",
        encoding="utf-8",
    )
    for path, words in ((file, "Calendar 2027: 2 days off, 1 make-up"), (shipped, "Calendar 2026")):
        result = run("calendar", "import", str(path), "--company", "anshun")
        assert result.exit_code == 0, result.output
        assert words in result.output
    with psycopg.connect(database.owner_url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT count(*) FROM calendar_years").fetchone()
    assert rows is not None
    file.write_text("year = 2027", encoding="utf-8")
    refused = run("calendar", "import", str(file), "--company", "anshun")
    assert refused.exit_code == 1
    assert "source" in refused.output
    nobody = run("calendar", "import", str(shipped), "--company", "nobody")
    assert nobody.exit_code == 1
    assert "no company nobody" in nobody.output
