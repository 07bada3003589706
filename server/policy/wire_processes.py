"""Processes as graphs in data: steps, decisions with every branch, loops with an exit.

One interpreter (`server.cases`) walks them; the documentation draws them. Not here: papers and fees
(`wire_papers`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from server.policy.wire_clauses import Conditions
from server.policy.wire_limits import Code, Positive, Text


class Particulars(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a customer or project that rules may depend on. None: not known yet."""

    residential: bool | None = None
    flow_m3h: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    """Hourly flow, m³/h (小时流量)."""
    annual_m3: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    """Annual volume, m³ (年用气量)."""
    external_line: bool | None = None
    """Needs a line outside the customer's wall (外线工程)."""
    overhead_pipe: bool | None = None
    """Fed from the overhead pipe (架空管)."""
    scattered: bool | None = None
    """A single household not in a new estate (零星户)."""
    ground_floor_shop: bool | None = None
    """底层商铺."""
    pre_laid: bool | None = None
    """The outside pipe was laid before the application (预报装, 前置施工)."""
    key_project: bool | None = None
    """省、市重点项目."""
    investment_project: bool | None = None
    """招商引资、中小微民营企业."""
    welfare: bool | None = None
    """学校、养老院、幼儿园、爱心福利."""
    hardship: bool | None = None
    """受疫情影响经营困难的小微商、个体."""
    beyond_boundary: bool | None = None
    """Work beyond the property boundary (产权边界外, 红线外)."""
    to_residential: bool | None = None
    """Direction of a change of use: 非居民转居民 (True) or 居民转非居民 (False)."""
    install_fee_fen: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Installation fee, 0.01 yuan."""
    suburban: bool | None = None


PARTICULARS: frozenset[str] = frozenset(Particulars.__struct_fields__)


class CustomerClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class of customer: the first in the file whose conditions hold is the case's."""

    id: Code
    zh: Text
    en: Text
    source: Text
    quote: Text
    when: Conditions = {}
    """No conditions: everyone who comes this far (the last of a file must be such)."""


class StepKind(StrEnum):
    """What a step waits for."""

    DESK = "desk"  # somebody at the company does it
    FIELD = "field"  # a crew does it: entering the step issues a work order
    WAIT = "wait"  # somebody else has to act: customer, authority, designer, contractor
    DECISION = "decision"  # a person answers, or the particulars do
    END = "end"


class Outcome(StrEnum):
    """How a case ends."""

    COMPLETED = "completed"  # 办结
    REFUSED = "refused"  # 不予受理 / 暂不具备: with a written reason
    WITHDRAWN = "withdrawn"  # 用户撤回
    MERGED = "merged"


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to be written down when a step is completed."""

    key: Code
    zh: Text
    en: Text
    type: Literal["text", "number", "date", "instant", "bool", "choice", "money", "names"] = "text"
    """money: whole fen. names: a list of people."""
    required: bool = True
    choices: tuple[Code, ...] = ()
    unit: Text | None = None
    at_least: float | None = None
    at_most: float | None = None
    must_be: bool | None = None
    """A bool that must have this value (a hard stop: acceptance passed, adult present)."""
    sets_date: Code | None = None
    """The value becomes the subject's date of this name (contract_date, appointment)."""
    sets: Code | None = None
    """The value becomes this particular of the case; its class is judged again."""


class Beyond(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a branch leads from its n-th taking on: the exit of a loop."""

    times: Positive
    next: Code


class Branch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer of a decision, or one other outcome of a step than being done."""

    answer: Code
    zh: Text
    en: Text
    next: Code
    fact: Code | None = None
    """The fact that taking this branch tells promises."""
    when: Conditions | None = None
    """For `decides = "particulars"`: taken when these hold; the first that holds."""
    reason_required: bool = False
    """Words are demanded, and go into the written answer to the customer."""
    beyond: tuple[Beyond, ...] = ()
    forms: tuple[Code, ...] = ()
    independent: bool = False
    """Only someone who has not worked on the case (nor belongs to the accused department)."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a process."""

    id: Code
    kind: StepKind
    zh: Text
    en: Text
    source: Text
    """Seed and quote; «reading: …» where the charts forgot a branch."""
    role: Code | None = None
    """Who does it: a role of roles.toml (desk, decision) ; for waits, who must record it."""
    side: Literal["customer", "authority", "designer", "contractor"] | None = None
    """Whose time a wait is; shown beside the clocks."""
    next: Code | None = None
    """Desk, wait and field steps that are done."""
    branches: tuple[Branch, ...] = ()
    """Decisions: every answer. Desk, field and wait steps: other outcomes than done, e.g.
    `not_ready`, `no_one_home`, `failed`, `declined`."""
    decides: Literal["person", "particulars"] = "person"
    fact: Code | None = None
    """The fact told when the step is done."""
    enter_fact: Code | None = None
    """The fact told when the step is entered."""
    pause: Code | None = None
    """While the case stands here this cause pauses the clauses that name it, with the step's own
    record as evidence."""
    fields: tuple[Field, ...] = ()
    needs_facts: tuple[Code, ...] = ()
    """Facts that must have been told before the step may be *entered* (hard stop): ignition needs
    contract_signed and acceptance_passed."""
    needs_papers: Literal["all", "safety"] | None = None
    """Before the step may be left: every required document received, deferred or waived («all»), or
    those that can never be deferred («safety»)."""
    needs_settled: bool = False
    """Before the step may be left: nothing owed, nothing to refund (A30: or a written plan)."""
    needs_notice: bool = False
    """Before the step may be entered: the published outage notice this work rests on."""
    forms: tuple[Code, ...] = ()
    """Forms issued when the step is entered."""
    forms_done: tuple[Code, ...] = ()
    """Forms issued when the step is done."""
    fees: tuple[Code, ...] = ()
    """Fee rules applied when the step is entered."""
    order: Code | None = None
    """Field steps: the kind of work order (survey, construction, …)."""
    supersedable: bool = False
    """变更工程量 may replace this field step's order by a new version."""
    signatories: tuple[Code, ...] = ()
    """Who must sign before it is done: roles, or customer, design, contractor, supervision."""
    outcome: Outcome | None = None
    """End steps."""


class Process(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One business process of a company."""

    id: Code
    """P01 … P32; a pack's own variants as P02-x."""
    zh: Text
    en: Text
    source: Text
    group: Literal[
        "connection",
        "ignition",
        "change",
        "suspension",
        "complaint",
        "repair",
        "service",
        "internal",
    ]
    runs_in: Literal["cases", "incidents", "followup"] = "cases"
    """Which room runs it. incidents: drawn here, run by the incident's own lifecycle (P22 …);
    followup: call-backs and visits."""
    customers: tuple[Code, ...] = ()
    """Customer classes that may apply; empty: all."""
    channels: tuple[Code, ...] = ()
    """Empty: all of the company's."""
    papers: tuple[Code, ...] = ()
    """Documents asked of the customer (documents.toml)."""
    start: Code
    start_fact: Code = "applied"
    """The fact of the application itself, told at its receipt."""
    emergency: bool = False
    """Emergencies are taken around the clock; everything else waits for service hours."""
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
