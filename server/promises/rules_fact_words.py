"""Facts and agreed dates as a person says them, in Chinese and English: for explanations.

A fact that one step of a case's process tells goes by that step's name; all others by the table
here. Pure. Not here: lengths, limits and days (`rules_words`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from server.policy.wire_processes import Process

Spoken = tuple[str, str]
"""The same in Chinese and in English."""

FACT_WORDS: Final[Mapping[str, Spoken]] = MappingProxyType(
    {
        # cases
        "applied": ("提出申请", "the application"),
        "registered": ("受理登记", "registration"),
        "survey_booked": ("约定勘察", "the survey agreed on"),
        "survey_done": ("勘察完成", "the survey done"),
        "design_data_in": ("设计基础资料齐全", "the design data in"),
        "plan_fixed": ("方案确定", "the plan fixed"),
        "drawing_issued": ("出具施工图", "the drawing issued"),
        "drawing_uploaded": ("图纸上传", "the drawing uploaded"),
        "budget_ready": ("预算完成", "the budget ready"),
        "fees_settled": ("费用结清", "the fees settled"),
        "contract_signed": ("签订合同", "the contract signed"),
        "install_contract_signed": ("签订安装合同", "the installation contract signed"),
        "answered": ("答复用气方案", "the answer given"),
        "sheet_issued": ("下发派工单", "the work sheet issued"),
        "construction_started": ("开工", "construction begun"),
        "construction_done": ("完工", "construction done"),
        "acceptance_requested": ("报联合验收", "acceptance asked for"),
        "acceptance_passed": ("验收合格", "acceptance passed"),
        "acceptance_failed": ("验收不合格", "acceptance failed"),
        "completion_signed": ("签署竣工确认单", "completion signed"),
        "ignition_notice_issued": ("下发点火通知单", "the ignition notice issued"),
        "ignition_applied": ("申请通气", "the application for gas"),
        "gas_on": ("通气点火", "gas on"),
        "job_done": ("作业完成", "the job done"),
        "archived": ("归档", "filed"),
        "closed": ("办结", "closed"),
        "refused": ("书面告知不予受理", "refused in writing"),
        "withdrawn": ("用户撤回", "withdrawn"),
        "visit_arranged": ("约定上门", "the visit arranged"),
        "meter_fault_reported": ("报告表具故障", "the meter fault reported"),
        "complaint_received": ("受理投诉", "the complaint received"),
        "complaint_handled": ("投诉处理完毕", "the complaint handled"),
        "complaint_closed": ("投诉销号", "the complaint closed"),
        "called_back": ("回访", "called back"),
        "arrears_noted": ("告知欠费", "the arrears noted"),
        "arrears_paid": ("欠费补缴", "the arrears paid"),
        # leads, deferrals, issues
        "pushed": ("平台推送", "pushed by the platform"),
        "handed_over": ("移交", "handed over"),
        "contacted": ("联系用户", "the customer contacted"),
        "deferred": ("容缺受理", "accepted for later"),
        "papers_in": ("资料补齐", "the papers in"),
        "issue_found": ("发现问题", "the issue found"),
        "issue_closed": ("问题销号", "the issue closed"),
        # outages
        "planned": ("拟定停气", "the outage planned"),
        "noticed": ("发布停气公告", "the notice published"),
        "work_started": ("开始作业", "work begun"),
        "restored": ("恢复供气", "supply restored"),
        # routines
        "begun": ("开始执行", "the duty begun"),
        "done": ("完成一次", "the duty done"),
        "meter_read": ("抄表", "the meters read"),
        "bill_ready": ("出具账单", "the bills ready"),
        # incidents
        "alarm_received": ("接到报警", "the alarm received"),
        "dispatched": ("派出", "a crew sent"),
        "acknowledged": ("确认接单", "acknowledged"),
        "arrived": ("到达现场", "on scene"),
        "made_safe": ("险情解除", "made safe"),
        "repaired": ("修复", "repaired"),
    }
)

DATE_WORDS: Final[Mapping[str, Spoken]] = MappingProxyType(
    {
        "appointment": ("预约时间", "the appointment"),
        "contract_date": ("合同约定日期", "the contract's date"),
        "chosen_slot": ("用户选定时间", "the customer's slot"),
        "work_starts": ("作业开始时间", "the start of work"),
        "papers_due": ("资料补齐期限", "the day the papers are due"),
    }
)


def date_words(name: str) -> Spoken:
    """An agreed date; a pack's own name where the table has none."""
    return DATE_WORDS.get(name, (name, name))


def names_of_facts(process: Process | None) -> Mapping[str, Spoken]:
    """What each fact is called for a case of `process`: by the one step that tells it, else by the
    table. None: what is about no case."""
    if process is None:
        return FACT_WORDS
    told = Counter(step.fact for step in process.steps if step.fact is not None)
    by_step = {
        step.fact: (step.zh, step.en)
        for step in process.steps
        if step.fact is not None and told[step.fact] == 1
    }
    return {**FACT_WORDS, **by_step}


def fact_words(fact: str, names: Mapping[str, Spoken]) -> Spoken:
    """A fact's words; a pack's own fact that no step and no table names goes by its code."""
    return names.get(fact, (fact, fact))
