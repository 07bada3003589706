"""Steps: shown, timed, logged, stamped."""

import io
import sys
from pathlib import Path

import pytest

from infra.machine import SetupProblem
from infra.steps import Stamp, Steps, Taken, fingerprint, summary


@pytest.fixture
def out() -> io.StringIO:
    """What the person sees."""
    return io.StringIO()


@pytest.fixture
def steps(tmp_path: Path, out: io.StringIO) -> Steps:
    """Steps shown on `out`, with their logs under tmp_path."""
    return Steps(tmp_path / "log", out)


def python(script: str) -> list[str]:
    """A command that runs `script`."""
    return [sys.executable, "-c", script]


def test_step_is_shown_timed_and_summed(steps: Steps, out: io.StringIO) -> None:
    steps.run("first", lambda: "unchanged")
    steps.run("second", lambda: None)
    assert "✓ first  unchanged, 0.0 s" in out.getvalue()
    assert "✓ second  done, 0.0 s" in out.getvalue()
    assert [step.name for step in steps.taken] == ["first", "second"]
    assert steps.summary().splitlines()[-1].split()[0] == "total"


def test_failed_step_is_shown_and_kept(steps: Steps, out: io.StringIO) -> None:
    def fail() -> None:
        raise SetupProblem("no")

    with pytest.raises(SetupProblem):
        steps.run("first", fail)
    assert "✗ first  FAILED" in out.getvalue()
    assert steps.taken[0].outcome == "FAILED"


def test_command_keeps_its_output_in_a_log(steps: Steps, tmp_path: Path) -> None:
    steps.run("say things", lambda: steps.command(python("print('one'); print('two')")))
    log = (tmp_path / "log/say-things.log").read_text(encoding="utf-8")
    assert log.endswith("one\ntwo\n")


def test_failed_command_shows_its_ending_and_what_to_do(steps: Steps) -> None:
    script = "import sys; print('cannot reach the registry'); print('the end', end=''); sys.exit(3)"

    def run() -> None:
        steps.command(python(script), explain="Try again later.")

    with pytest.raises(SetupProblem) as caught:
        steps.run("install", run)
    text = str(caught.value)
    assert "status 3" in text
    assert "    cannot reach the registry\n    the end\n" in text
    assert text.endswith("Try again later.")


def test_command_gets_the_environment_it_is_given(steps: Steps, tmp_path: Path) -> None:
    script = "import os; print(os.environ['WORD'])"
    steps.run("w", lambda: steps.command(python(script), environment={"WORD": "长明"}))
    assert "长明" in (tmp_path / "log/w.log").read_text(encoding="utf-8")


def test_steps_of_an_earlier_program_come_first(steps: Steps, tmp_path: Path) -> None:
    steps.run("virtual environment", lambda: "made")
    steps.save(tmp_path / "steps.json")
    later = Steps(tmp_path / "log", io.StringIO())
    later.run("tables", lambda: "up to date")
    later.load(tmp_path / "steps.json")
    assert [step.name for step in later.taken] == ["virtual environment", "tables"]
    assert not (tmp_path / "steps.json").exists()


def test_summary_lines_up_chinese_names() -> None:
    text = summary([Taken("数据库", 1.0, "made"), Taken("tables", 2.5, "made")])
    first, second, total = text.splitlines()
    assert first == "  数据库       1.0 s  made"
    assert second == "  tables       2.5 s  made"
    assert total == "  total        3.5 s"


def test_stamp_holds_until_something_changes(tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "src").mkdir()
    source = folder / "src/app.ts"
    source.write_text("1", encoding="ascii")

    def stamp() -> Stamp:
        return Stamp(tmp_path / "stamps/screens", fingerprint(folder, skip=("node_modules",)))

    assert not stamp().holds()
    stamp().set()
    assert stamp().holds()
    (folder / "node_modules/x").write_text("installed", encoding="ascii")
    assert stamp().holds()
    source.write_text("2", encoding="ascii")
    assert not stamp().holds()
    stamp().set()
    source.rename(folder / "src/other.ts")
    assert not stamp().holds()
    stamp().set()
    stamp().clear()
    assert not stamp().holds()


def test_fingerprint_sees_a_missing_file_come(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    before = fingerprint(lock)
    lock.touch()
    assert fingerprint(lock) != before
