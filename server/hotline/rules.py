"""What the hotline desk may do: refusals and the script's duty."""

from __future__ import annotations

from server.hotline.wire import LogIn, ScriptIn
from server.policy.rules import steps_for
from server.policy.wire import CallKind, Pack
from server.refusal import Refusal


class CallAlreadyLogged(Refusal):
    """The call was logged before (perhaps at another desk)."""

    code = "call_already_logged"
    zh = "来电 {number} 已经登记"
    en = "Call {number} has already been logged."


class ScriptNotRead(Refusal):
    """A gas caller must be told how to stay safe, or the reason why not must be given."""

    code = "script_not_read"
    status = 422
    zh = "安全提示尚未读完：{steps}；如不能宣读须说明原因"
    en = "The safety script is unfinished: {steps}. If it cannot be read, say why."


class ScriptOutdated(Refusal):
    """The script changed while the call went on."""

    code = "script_outdated"
    status = 422
    zh = "安全提示已更新为 {current} 版，请按新版宣读"
    en = "The safety script is now version {current}; please read that one."


class NoCallerNumber(Refusal):
    """The call has no incident, so nobody is owed an answer."""

    code = "no_answer_owed"
    zh = "来电 {number} 没有关联险情，无需回复"
    en = "Call {number} belongs to no incident; no answer is owed."


def check_script(pack: Pack, log: LogIn) -> ScriptIn | None:
    """The script record to store. Raises ScriptNotRead, ScriptOutdated.

    Every applicable step has to be read to a gas caller, unless a reason is given (the line went
    dead, the caller is a fire officer). Source: domain.md §3.1 («script cannot be skipped without
    reason»).
    """
    if log.kind is not CallKind.GAS_EMERGENCY:
        return log.script
    current = pack.safety_script.version
    given = log.script or ScriptIn(version=current)
    if given.version != current:
        raise ScriptOutdated(current=current)
    wanted = [step.key for step in steps_for(pack.safety_script, log.facts)]
    missing = [key for key in wanted if key not in given.steps_read]
    if missing and not (given.skipped_reason or "").strip():
        raise ScriptNotRead(steps="、".join(missing))
    return given
