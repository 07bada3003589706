"""Pure decisions about planned work: what a record must say, and what forbids gas.

A record with a fault is refused and kept; its faults are named item by item, in both languages.
Contract and acceptance before ignition are the case's hard stops, not these. Not here: what happens
with a record (`actions_field`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from server.refusal import Language, Refusal
from server.work.lifecycle import OrderKind
from server.work.wire_records import (
    AcceptanceRecord,
    Check,
    ConstructionRecord,
    DismantlingRecord,
    IgnitionRecord,
    MeterChangeRecord,
    NotReadyReason,
    PluggingRecord,
    PressureUnit,
    SurveyRecord,
    Tightness,
    VisitRecord,
    WorkRecord,
)

# --- what the rules know -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TightnessRule:
    """How long and at what pressure an indoor tightness test is made."""

    at_least_kpa: float
    at_least_minutes: float
    source: str


TIGHTNESS: Final[Mapping[bool, TightnessRule]] = MappingProxyType(
    {
        True: TightnessRule(5.0, 15.0, "CJJ 94, by domain.md §2.1 [M]: low pressure, residents"),
        False: TightnessRule(5.0, 30.0, "CJJ 94, by domain.md §2.1 [M]: low pressure, commercial"),
    }
)
"""By whether the customer is residential. A default of ours until a company's pack says otherwise;
where nobody said which, the stricter one counts."""

TWO_PEOPLE: Final = 2
"""domain.md §2.1 (R7): gas is turned on by two people."""

CHECKLIST: Final[tuple[str, ...]] = (
    "identity",  # 用户身份已核对
    "place_allowed",  # 燃气间非卧室、卫生间
    "single_source",  # 无第二气源
    "ventilation",  # 通风良好
    "pipes_sound",  # 管道明设、未改动
    "valve_reachable",  # 表、阀可操作
    "appliance_legal",  # 气种匹配、有熄火保护、未超期
    "heater_flue",  # 热水器烟道出户、非直排
    "hose_sound",  # 连接管合格：不锈钢、不超 2 米、不穿墙
    "alarm",  # 报警器和切断阀
    "safety_talk",  # 安全告知
)
"""The turn-on checklist. Source: domain.md §2.1 (merge of R7 with CJJ 94 and CJJ 12 [M])."""

_MAY_LACK_ALWAYS: Final = frozenset({"heater_flue"})
_MAY_LACK_AT_HOME: Final = frozenset({"alarm"})

_K = OrderKind
RECORD_OF: Final[Mapping[OrderKind, type[WorkRecord]]] = MappingProxyType(
    {
        _K.SURVEY: SurveyRecord,
        _K.CONSTRUCTION: ConstructionRecord,
        _K.ACCEPTANCE: AcceptanceRecord,
        _K.IGNITION: IgnitionRecord,
        _K.PLUGGING: PluggingRecord,
        _K.DISMANTLING: DismantlingRecord,
        _K.METER_CHANGE: MeterChangeRecord,
        _K.VISIT: VisitRecord,
        # A case may ask for a repair; what was done there is told as of a visit.
        _K.REPAIR: VisitRecord,
    }
)
"""The record each kind of a case's work ends with."""

_R = NotReadyReason
_COMMON = (_R.CUSTOMER_NOT_READY, _R.NO_ADULT, _R.OTHER)
_AT_METER = (
    _R.TIGHTNESS_FAILED,
    _R.PIPE_ALTERED,
    _R.ONE_PERSON_ONLY,
    _R.MATERIALS,
    *_COMMON,
)
REASONS_OF: Final[Mapping[OrderKind, tuple[NotReadyReason, ...]]] = MappingProxyType(
    {
        _K.SURVEY: (_R.PRESSURE_INSUFFICIENT, _R.PERMIT_MISSING, _R.WEATHER, *_COMMON),
        _K.CONSTRUCTION: (
            _R.MATERIALS,
            _R.WEATHER,
            _R.PERMIT_MISSING,
            _R.TIGHTNESS_FAILED,
            _R.ONE_PERSON_ONLY,
            _R.CUSTOMER_NOT_READY,
            _R.OTHER,
        ),
        _K.ACCEPTANCE: (_R.PERMIT_MISSING, _R.WEATHER, _R.CUSTOMER_NOT_READY, _R.OTHER),
        _K.IGNITION: tuple(_R),
        _K.PLUGGING: _AT_METER,
        _K.DISMANTLING: _AT_METER,
        _K.METER_CHANGE: (_R.PRESSURE_INSUFFICIENT, *_AT_METER),
        _K.VISIT: (_R.NO_CONTRACT, *_COMMON),
        _K.REPAIR: tuple(_R),
    }
)
"""The reasons offered to a crew, by kind. A crew that gives another one is believed all the same:
nobody is made to do work it called not ready."""

_TO_KPA: Final[Mapping[PressureUnit, float]] = MappingProxyType(
    {
        PressureUnit.KPA: 1.0,
        PressureUnit.PA: 0.001,
        PressureUnit.MBAR: 0.1,
        PressureUnit.MPA: 1000.0,
    }
)


# --- deciding ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is refused, and which of its items say so (in the record's order)."""

    refusal: type[Refusal]
    items: tuple[str, ...] = ()


def record_fault(
    record: WorkRecord,
    *,
    kind: OrderKind,
    demands: Mapping[str, Any],
    sheet_version: int,
) -> Fault | None:
    """What is wrong with a record of planned work; None when the work is complete by it.

    demands: the order's (`residential`: bool, `signatories`: list of codes). sheet_version: of the
    order. Sources: domain.md §1.5 («工完、料尽、场清», 四方联合验收), §2.1, §3.4.
    """
    if type(record) is not RECORD_OF.get(kind):
        return Fault(RecordOfOtherKind)
    match record:
        case SurveyRecord():
            return _incomplete(_survey(record))
        case ConstructionRecord():
            return _construction(record, sheet_version)
        case AcceptanceRecord():
            return _acceptance(record, demands)
        case IgnitionRecord():
            return _ignition(record, demands)
        case PluggingRecord() | DismantlingRecord():
            return _capped(record)
        case MeterChangeRecord():
            return _meter_change(record)
        case VisitRecord():
            return _incomplete({"words": bool(record.words.strip())})


def not_ready_fault(reasons: Collection[NotReadyReason], words: str) -> Fault | None:
    """«暂不具备» needs a reason, and «other» needs words: both go into the written answer."""
    if not reasons or (NotReadyReason.OTHER in reasons and not words.strip()):
        return Fault(NotReadyNeedsReason)
    return None


def _incomplete(said: Mapping[str, bool]) -> Fault | None:
    """The fault of a record in which some items are not said."""
    missing = tuple(item for item, there in said.items() if not there)
    return Fault(RecordIncomplete, missing) if missing else None


def _red(good: Mapping[str, bool | None], refusal: type[Refusal]) -> Fault | None:
    """Red items first: one of them forbids the work whatever is missing beside it. None in `good`
    stands for not said."""
    red = tuple(item for item, well in good.items() if well is False)
    if red:
        return Fault(refusal, red)
    return _incomplete({item: well is not None for item, well in good.items()})


def _survey(record: SurveyRecord) -> dict[str, bool]:
    said = {
        "pressure": record.pressure_kpa is not None and record.pressure_sufficient is not None,
        "tie_in": bool(record.tie_in.strip()),
        "obstacles": bool(record.obstacles.strip()),
        "load_list": bool(record.load_list),
        "feasible": record.feasible is not None,
    }
    if record.feasible is False:
        # What is not possible is not measured to the end, but it is always explained.
        return {"feasible": True, "words": bool(record.words.strip())}
    return said


def _construction(record: ConstructionRecord, sheet_version: int) -> Fault | None:
    if record.sheet_version is not None and record.sheet_version != sheet_version:
        return Fault(SupersededSheet, ("sheet_version",))
    good: dict[str, bool | None] = {
        "sheet_version": None if record.sheet_version is None else True,
        "work_finished": record.work_finished,
        "materials_cleared": record.materials_cleared,
        "site_cleared": record.site_cleared,
        "self_check": record.self_check_passed,
        "hidden_works": True if record.hidden_works.strip() else None,
    }
    if record.tightness is not None:
        good["tightness_passed"] = record.tightness.passed
    return _red(good, WorkNotFinished)


def _acceptance(record: AcceptanceRecord, demands: Mapping[str, Any]) -> Fault | None:
    if record.passed is None:
        return Fault(RecordIncomplete, ("passed",))
    faults = [one for one in record.faults if one.strip()]
    if not record.passed:
        return None if faults else Fault(RecordIncomplete, ("faults",))
    if faults:
        return Fault(PassedWithFaults, ("faults",))
    signed = {one.as_ for one in record.signatories if one.name.strip()}
    missing = tuple(one for one in demands.get("signatories") or () if one not in signed)
    return Fault(SignatoriesMissing, missing) if missing else None


def _ignition(record: IgnitionRecord, demands: Mapping[str, Any]) -> Fault | None:
    names = {name.strip() for name in record.people} - {""}
    good: dict[str, bool | None] = {
        "two_people": len(names) >= TWO_PEOPLE if names else None,
        "adult_present": record.adult_present,
    }
    at_home = demands.get("residential") is True
    lacking = _MAY_LACK_ALWAYS | (_MAY_LACK_AT_HOME if at_home else frozenset())
    for item in CHECKLIST:
        answer = record.checklist.get(item)
        good[item] = None if answer is None else _green(answer, item in lacking)
    # An item this version does not know still stops: somebody saw something.
    for item, answer in record.checklist.items():
        if item not in CHECKLIST and answer is Check.RED:
            good[item] = False
    good |= _tightness(record.tightness, TIGHTNESS[at_home])
    good |= {
        "purged_outside": record.purged_outside,
        "flame": record.flame_ok,
        "signature": True if record.signature.strip() else None,
    }
    return _red(good, IgnitionHardStop)


def _green(answer: Check, may_lack: bool) -> bool:
    return answer is Check.GREEN or (answer is Check.NOT_HERE and may_lack)


def _tightness(test: Tightness | None, rule: TightnessRule) -> dict[str, bool | None]:
    """A tightness test by its rule, item by item."""
    if test is None:
        test = Tightness()
    enough: bool | None = None
    if test.value is not None and test.unit is not None:
        enough = test.value * _TO_KPA[test.unit] >= rule.at_least_kpa
    minutes = test.duration_minutes
    return {
        "tightness_value": enough,
        "tightness_duration": None if minutes is None else minutes >= rule.at_least_minutes,
        "tightness_instrument": True if test.instrument_no.strip() else None,
        # Nothing may be lost: a pass with a drop is no pass.
        "tightness_passed": False if test.drop else test.passed,
    }


def _small_test(name: str, test: Tightness | None) -> dict[str, bool | None]:
    """A test of one joint or cap: a value, and that it held."""
    told = test is not None and test.value is not None and test.unit is not None
    passed = None if test is None else test.passed
    return {f"{name}_value": True if told else None, f"{name}_passed": passed}


def _capped(record: PluggingRecord | DismantlingRecord) -> Fault | None:
    good: dict[str, bool | None] = {
        "valve_closed": record.valve_closed,
        "final_reading": None if record.final_reading_m3 is None else True,
        **_small_test("cap_test", record.cap_test),
        "seal_no": True if record.seal_no.strip() else None,
        "signature": True if record.signature.strip() else None,
    }
    return _red(good, WorkUnsafe)


def _meter_change(record: MeterChangeRecord) -> Fault | None:
    old, new = record.old_meter_no.strip(), record.new_meter_no.strip()
    good: dict[str, bool | None] = {
        "old_meter_no": True if old else None,
        "new_meter_no": (new != old) if new else None,
        "last_reading": None if record.last_reading_m3 is None else True,
        **_small_test("test", record.test),
        "signature": True if record.signature.strip() else None,
    }
    return _red(good, WorkUnsafe)


# --- words of the items ------------------------------------------------------------------------

ITEM_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "two_people": ("两人作业", "two people"),
        "adult_present": ("成年人在场", "an adult present"),
        "identity": ("身份核对", "identity"),
        "place_allowed": ("用气场所", "place of use"),
        "single_source": ("单一气源", "single gas source"),
        "ventilation": ("通风", "ventilation"),
        "pipes_sound": ("管道未改动", "pipes unaltered"),
        "valve_reachable": ("阀门可操作", "valve within reach"),
        "appliance_legal": ("燃具合格", "lawful appliance"),
        "heater_flue": ("热水器烟道", "heater flue"),
        "hose_sound": ("连接管合格", "sound hose"),
        "alarm": ("报警切断装置", "alarm and cut-off"),
        "safety_talk": ("安全告知", "safety talk"),
        "tightness_value": ("气密性试验压力", "tightness pressure"),
        "tightness_duration": ("气密性保压时间", "tightness duration"),
        "tightness_instrument": ("试验仪表编号", "test instrument"),
        "tightness_passed": ("气密性合格", "tightness passed"),
        "purged_outside": ("室外放散", "purged outside"),
        "flame": ("火焰正常", "good flame"),
        "signature": ("用户签字", "customer's signature"),
        "pressure": ("供气压力", "supply pressure"),
        "tie_in": ("接入点", "tie-in"),
        "obstacles": ("障碍", "obstacles"),
        "load_list": ("用气设备清单", "load list"),
        "feasible": ("可否供气", "feasible or not"),
        "words": ("说明", "words"),
        "sheet_version": ("派工单版本", "sheet version"),
        "work_finished": ("工完", "work finished"),
        "materials_cleared": ("料尽", "materials cleared"),
        "site_cleared": ("场清", "site cleared"),
        "self_check": ("自检合格", "self check passed"),
        "hidden_works": ("隐蔽工程", "hidden works"),
        "passed": ("验收结论", "verdict"),
        "faults": ("整改项", "faults"),
        "customer": ("用户", "customer"),
        "design": ("设计单位", "design"),
        "contractor": ("施工单位", "contractor"),
        "supervision": ("监理单位", "supervision"),
        "valve_closed": ("阀门已关", "valve closed"),
        "final_reading": ("最终读数", "final reading"),
        "cap_test_value": ("堵头检漏值", "cap test value"),
        "cap_test_passed": ("堵头检漏合格", "cap test passed"),
        "seal_no": ("铅封号", "seal number"),
        "old_meter_no": ("旧表号", "old meter number"),
        "new_meter_no": ("新表号", "new meter number"),
        "last_reading": ("旧表止数", "last reading"),
        "test_value": ("检漏值", "test value"),
        "test_passed": ("检漏合格", "test passed"),
    }
)
"""What an item is called, 中文 and English."""


# --- refusals ----------------------------------------------------------------------------------


class _Itemised(Refusal):
    """A refusal that names the items it stands on (`items`: their codes)."""

    def text(self, language: Language) -> str:
        at, joint = (0, "、") if language == "zh" else (1, ", ")
        codes: Collection[str] = self.params.get("items") or ()
        named = joint.join(ITEM_WORDS[one][at] if one in ITEM_WORDS else one for one in codes)
        template = self.zh if language == "zh" else self.en
        return template.format(**{**self.params, "items": named})


class IgnitionHardStop(_Itemised):
    """A red item of the turn-on: no gas, and a written reason (not_ready)."""

    code = "ignition_hard_stop"
    zh = "不得点火：{items} 不合格。记录已保留，请报“暂不具备”"
    en = "No ignition: {items}. What you reported is kept; report it as not ready."


class RecordIncomplete(_Itemised):
    """Something the record must say is missing."""

    code = "record_incomplete"
    zh = "记录不完整，缺：{items}。已填内容已保留"
    en = "The record lacks: {items}. What you reported is kept."


class WorkNotFinished(_Itemised):
    """Finished, cleared and self-checked: all of it, or it is not finished (工完、料尽、场清)."""

    code = "work_not_finished"
    zh = "尚未完工：{items} 未达到。记录已保留"
    en = "The work is not finished: {items}. What you reported is kept."


class WorkUnsafe(_Itemised):
    """A cap or meter that does not hold, or a valve left open."""

    code = "work_unsafe"
    zh = "作业不合格：{items}。记录已保留，请处理后再报"
    en = "The work does not hold: {items}. What you reported is kept; put it right first."


class PassedWithFaults(_Itemised):
    """An acceptance cannot pass and name faults at once."""

    code = "passed_with_faults"
    zh = "验收结论为合格，但列有整改项。记录已保留"
    en = "The acceptance passes and yet names faults. What you reported is kept."


class SignatoriesMissing(_Itemised):
    """Every demanded party signs a passed acceptance (四方联合验收)."""

    code = "signatories_missing"
    zh = "联合验收缺签字：{items}。记录已保留"
    en = "Signatures are missing: {items}. What you reported is kept."


class RecordOfOtherKind(_Itemised):
    """The record is not of the order's kind."""

    code = "record_of_other_kind"
    zh = "记录类型与工单不符，记录已保留"
    en = "The record is not of this order's kind. What you reported is kept."


class SupersededSheet(_Itemised):
    """Work on a superseded drawing: the sheet it was built from has been replaced."""

    code = "superseded_sheet"
    zh = "按旧版派工单施工：派工单已变更，记录已保留，请联系现场管理人员"
    en = "This was built from a superseded sheet. What you reported is kept; call the site manager."


class NotReadyNeedsReason(_Itemised):
    """Not ready for which reason: the customer gets it in writing."""

    code = "not_ready_needs_reason"
    zh = "请注明不具备的原因，记录已保留"
    en = "Say why it is not ready. What you reported is kept."


class NotPlannedWork(_Itemised):
    """Complete and not_ready end planned work; an incident ends otherwise."""

    code = "not_planned_work"
    zh = "抢险工单不能这样结束，记录已保留"
    en = "Emergency work does not end like this. What you reported is kept."


RECORD_REFUSALS: Final[Mapping[str, type[Refusal]]] = MappingProxyType(
    {
        refusal.code: refusal
        for refusal in (
            IgnitionHardStop,
            RecordIncomplete,
            WorkNotFinished,
            WorkUnsafe,
            PassedWithFaults,
            SignatoriesMissing,
            RecordOfOtherKind,
            SupersededSheet,
            NotReadyNeedsReason,
            NotPlannedWork,
        )
    }
)
"""Code of a refused record → the class that has its words."""
