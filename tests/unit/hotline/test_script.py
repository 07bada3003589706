"""The safety script cannot be skipped without a reason."""

from __future__ import annotations

import pytest

from server.hotline.rules import ScriptNotRead, ScriptOutdated, check_script
from server.hotline.wire import LogIn, ScriptIn
from server.incidents.wire import PlaceIn
from server.policy.loading import load_pack
from server.policy.rules import steps_for
from server.policy.wire import CallKind, Facts

PACK = load_pack("default")
VERSION = PACK.safety_script.version
SMELL = Facts(smell=True)


def logged(
    script: ScriptIn | None,
    kind: CallKind = CallKind.GAS_EMERGENCY,
    facts: Facts = SMELL,
) -> LogIn:
    return LogIn(
        words="厨房有煤气味", kind=kind, place=PlaceIn(text="明德路"), facts=facts, script=script
    )


def test_every_applicable_step_read_is_enough() -> None:
    facts = Facts(smell=True, fire=True)
    steps = [step.key for step in steps_for(PACK.safety_script, facts)]
    assert len(steps) < len(PACK.safety_script.steps), "beside a fire some steps are not read"
    script = ScriptIn(version=VERSION, steps_read=steps)
    assert check_script(PACK, logged(script, facts=facts)) is script


def test_a_missing_step_is_refused_by_name() -> None:
    steps = [step.key for step in PACK.safety_script.steps]
    with pytest.raises(ScriptNotRead) as refused:
        check_script(PACK, logged(ScriptIn(version=VERSION, steps_read=steps[1:])))
    assert steps[0] in refused.value.text("zh")


def test_no_script_at_all_is_refused() -> None:
    with pytest.raises(ScriptNotRead):
        check_script(PACK, logged(None))


def test_a_reason_stands_for_the_script() -> None:
    script = ScriptIn(version=VERSION, skipped_reason="通话中断")
    assert check_script(PACK, logged(script)) is script
    with pytest.raises(ScriptNotRead):
        check_script(PACK, logged(ScriptIn(version=VERSION, skipped_reason="  ")))


def test_an_old_script_is_refused() -> None:
    with pytest.raises(ScriptOutdated):
        check_script(PACK, logged(ScriptIn(version="1999-01", skipped_reason="赶时间")))


def test_other_calls_need_no_script() -> None:
    assert check_script(PACK, logged(None, kind=CallKind.BUSINESS)) is None
