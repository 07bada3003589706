"""Every no that a case can say. Texts name the step in the reader's language.

Not here: when they are raised (`rules*`, `actions*`).
"""

from __future__ import annotations

from server.refusal import Refusal, VersionChanged


class CaseEnded(Refusal):
    """The case is closed; nothing more can be done to it."""

    code = "case_closed"
    zh = "业务单已办结（{zh}），不能再操作"
    en = "The case is closed ({en})."


class NotAtStep(Refusal):
    """The case stands at another step: somebody went on meanwhile, or this one is not next."""

    code = "not_at_step"
    zh = "业务单现处于“{zh}”，不能办理其他环节"
    en = "The case stands at “{en}”; another step cannot be done now."


class StaleVisit(VersionChanged):
    """The case has left this step and come back to it since the screen was drawn."""

    code = "stale_visit"
    zh = "“{zh}”已重新进入（第 {visit} 次），请刷新后再办理"
    en = "“{en}” has been entered again (visit {visit}); look again."


class UnknownAnswer(Refusal):
    """The step has no such answer, or needs one."""

    code = "unknown_answer"
    status = 422
    zh = "“{zh}”没有答案“{answer}”，可选：{known}"
    en = "“{en}” has no answer “{answer}”; it has: {known}."


class RoleNotAllowed(Refusal):
    """The step belongs to another role of the company."""

    code = "role_not_allowed"
    status = 403
    zh = "“{zh}”须由其责任岗位（{role}）办理"
    en = "“{en}” must be done by the role responsible ({role})."


class NotIndependent(Refusal):
    """Nobody judges work they did, or their own department (domain.md §3.4: «wrong if the accused
    department closes»)."""

    code = "not_independent"
    status = 403
    zh = "“{zh}”须由未经办且不属于被投诉部门的人员判定"
    en = "“{en}” must be judged by somebody who took no part and is not of that department."


class FieldWorkDecides(Refusal):
    """A field step is done when the crew says so."""

    code = "field_work_decides"
    zh = "“{zh}”由现场班组完成，不能在座席办结"
    en = "“{en}” is completed by the crew in the field, not at the desk."


class FieldMissing(Refusal):
    """Something that must be written down is not."""

    code = "field_missing"
    status = 422
    zh = "“{zh}”必须填写（{field}）"
    en = "“{en}” must be filled in ({field})."


class FieldInvalid(Refusal):
    """A value that does not fit its field; `why_zh` and `why_en` say what would."""

    code = "field_invalid"
    status = 422
    zh = "“{zh}”填写无效（{field}）：{why_zh}"
    en = "“{en}” is not valid ({field}): {why_en}."


class FieldUnknown(Refusal):
    """The step asks for nothing of that name."""

    code = "field_unknown"
    status = 422
    zh = "该环节没有栏目“{field}”"
    en = "The step asks for nothing called “{field}”."


class HardStop(Refusal):
    """A condition of safety that the pack demands is not met."""

    code = "hard_stop"
    zh = "“{zh}”不满足（{field}），不得继续"
    en = "“{en}” is not met ({field}); the step cannot be completed."


class ReasonRequired(Refusal):
    """A «no» is answered in writing, with its reason."""

    code = "reason_required"
    status = 422
    zh = "“{zh}”须填写书面理由"
    en = "“{en}” needs its reason in writing."


class SignatureMissing(Refusal):
    """Somebody who must sign has not."""

    code = "signature_missing"
    zh = "“{zh}”缺少签字：{who}"
    en = "“{en}” lacks the signature of: {who}."


class PapersMissing(Refusal):
    """Documents are missing that are neither deferred nor waived."""

    code = "papers_missing"
    zh = "“{zh}”缺少资料：{which}"
    en = "“{en}”: documents are missing: {which}."


class NotSettled(Refusal):
    """Money is owed, or is to be refunded, first (A30)."""

    code = "not_settled"
    zh = "“{zh}”之前须结清费用（或有书面方案）"
    en = "“{en}”: the account must be settled first, or a plan be agreed in writing."


class FactsMissing(Refusal):
    """What must have happened before the next step has not: a hard stop."""

    code = "facts_missing"
    zh = "进入“{zh}”之前须先完成：{which}"
    en = "Before “{en}” these must have happened: {which}."


class NoticeMissing(Refusal):
    """The work interrupts supply, and no notice of it is published."""

    code = "notice_missing"
    zh = "进入“{zh}”之前须先发布停气通告"
    en = "Before “{en}” the outage notice must be published."


class NoSuchProcess(Refusal):
    """The company's pack has no such process, or another room runs it."""

    code = "no_such_process"
    status = 422
    zh = "本公司没有可受理的流程“{process}”"
    en = "The company has no process “{process}” that a case can run."


class NoSuchChannel(Refusal):
    """The company (or the process) does not take applications this way."""

    code = "no_such_channel"
    status = 422
    zh = "该业务不受理渠道“{channel}”"
    en = "This business is not taken by the channel “{channel}”."


class ClassNotServed(Refusal):
    """The process is not for this class of customer."""

    code = "class_not_served"
    zh = "“{zh}”不适用于此类用户（{class_zh}）"
    en = "“{en}” is not for customers of this class ({class_en})."


class LeakWords(Refusal):
    """The words of a business application speak of escaping gas: ask, and transfer first."""

    code = "leak_words"
    zh = "来话中有“{word}”：请先询问是否漏气，如有立即转报警抢险；确认没有后再受理业务"
    en = "The words mention “{word}”: ask about a leak and transfer to the emergency line first; "
    en += "confirm there is none before taking the application."


class ReceivedInFuture(Refusal):
    """An application cannot have been received later than now."""

    code = "received_in_future"
    status = 422
    zh = "受理时间不能晚于现在"
    en = "It cannot have been received later than now."


class PlaceMissing(Refusal):
    """A case needs a place: words, a point, or a premise."""

    code = "place_missing"
    status = 422
    zh = "须填写用气地点或选择用户档案地址"
    en = "A place or a premise is needed."


class ProjectHasCase(Refusal):
    """The project already has an open case of this process."""

    code = "project_has_case"
    zh = "项目 {project_code} 已有业务单 {number}"
    en = "Project {project_code} already has case {number}."


class NotAManager(Refusal):
    """Only an account manager can be responsible for a case."""

    code = "not_an_account_manager"
    status = 422
    zh = "{name} 不是客户经理，不能作为责任人"
    en = "{name} is not an account manager."


class NoManagers(Refusal):
    """There is nobody to be responsible."""

    code = "no_account_manager"
    zh = "没有可指派的客户经理"
    en = "There is no account manager to be responsible."


class GainsTime(Refusal):
    """A change that would lengthen a running limit is a supervisor's to make (domain.md §3.4:
    «class changed later to gain time (needs approval)»)."""

    code = "gains_time"
    status = 403
    zh = "此变更会放宽正在计时的时限（{clauses}），须由值班长批准并说明理由"
    en = "This would lengthen running limits ({clauses}); a supervisor must make it, with a reason."


class NotSupersedable(Refusal):
    """变更工程量 changes the order of a step that allows it, while it is under way."""

    code = "not_supersedable"
    zh = "“{zh}”不能变更工程量"
    en = "The quantity of works cannot be changed at “{en}”."


class OrderUnderWay(Refusal):
    """The field step has an order that is still to be done."""

    code = "order_under_way"
    zh = "工单 {number} 尚未结束，不能另派"
    en = "Order {number} is not finished; another cannot be issued."


class NotAFieldStep(Refusal):
    """The case does not stand at field work."""

    code = "not_a_field_step"
    zh = "“{zh}”不是现场环节"
    en = "“{en}” is not field work."


class StepPauses(Refusal):
    """The pause belongs to the waiting step and ends when the case leaves it."""

    code = "step_pauses"
    zh = "该暂停随等待环节自动结束"
    en = "This pause ends when the case leaves its waiting step."
