"""What a crew writes down of planned work: one record for each kind, and why work was not done.

Every value may be missing by shape: what is needed is a rule (`rules_records`), so that a record
with gaps is refused and yet kept. Not here: the words that carry records (`wire`).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

Words = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Label = Annotated[str, msgspec.Meta(max_length=120, pattern=r"^[^\x00]*$")]
Amount = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]
Drawn = Annotated[str, msgspec.Meta(max_length=60_000, pattern=r"^[MLZ0-9 .,-]*$")]
"""A signature drawn by finger: an SVG path."""


class NotReadyReason(StrEnum):
    """Why planned work could not be done. Source: domain.md §2.1 turn-on checklist, §3.4."""

    APPLIANCE_ILLEGAL = "appliance_illegal"  # 燃具不合格
    VENTILATION_MISSING = "ventilation_missing"  # 通风不合格
    SECOND_GAS_SOURCE = "second_gas_source"  # 有第二气源
    BEDROOM = "bedroom"  # 卧室、卫生间用气
    ALARM_MISSING = "alarm_missing"  # 缺报警切断装置
    PIPE_ALTERED = "pipe_altered"  # 私改、包裹管道
    TIGHTNESS_FAILED = "tightness_failed"  # 气密性不合格
    NO_ADULT = "no_adult"  # 无成年人在场
    ONE_PERSON_ONLY = "one_person_only"  # 作业不足两人
    NO_CONTRACT = "no_contract"  # 合同未签
    MATERIALS = "materials"  # 材料未到
    WEATHER = "weather"  # 天气
    CUSTOMER_NOT_READY = "customer_not_ready"  # 用户现场不具备
    PERMIT_MISSING = "permit_missing"  # 手续未办
    PRESSURE_INSUFFICIENT = "pressure_insufficient"  # 供气压力不足
    OTHER = "other"  # 其它, in words


class Check(StrEnum):
    """One answer of a checklist."""

    GREEN = "green"
    RED = "red"
    NOT_HERE = "not_here"  # there is no such thing here (no heater): only where the rules allow it


class PressureUnit(StrEnum):
    """Units of test pressures."""

    KPA = "kPa"
    PA = "Pa"
    MBAR = "mbar"
    MPA = "MPa"


class Tightness(msgspec.Struct, frozen=True, kw_only=True):
    """A tightness test (气密性试验) as it was made."""

    value: Amount | None = None
    """The pressure at its start."""
    unit: PressureUnit | None = None
    drop: Amount | None = None
    """How much of it was lost, in the same unit."""
    duration_minutes: Amount | None = None
    instrument_no: Label = ""
    calibration_due: date | None = None
    passed: bool | None = None


class Signed(msgspec.Struct, frozen=True, kw_only=True, rename={"as_": "as"}):
    """Somebody signed, in this capacity."""

    as_: Label
    name: Label
    drawn: Drawn | None = None


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Appliances of one sort on a load list (用气设备清单)."""

    appliance: Label
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    flow_m3h: Amount | None = None
    """Of each, m³/h."""


class SurveyRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="survey"):
    """踏勘: may gas be brought here, from where, past what."""

    pressure_kpa: Amount | None = None
    """At the tie-in."""
    pressure_sufficient: bool | None = None
    tie_in: Words = ""
    """Where the new pipe would begin (接入点)."""
    obstacles: Words = ""
    """What stands in the way; «none» is said in words."""
    load_list: Annotated[list[Load], msgspec.Meta(max_length=200)] = []
    feasible: bool | None = None
    words: Words = ""
    """Needed when it is not feasible: why."""


class ConstructionRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="construction"
):
    """施工: «工完、料尽、场清», checked by oneself, hidden works written down before backfill."""

    sheet_version: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    """Version of the 派工单 that was built from."""
    work_finished: bool | None = None
    materials_cleared: bool | None = None
    site_cleared: bool | None = None
    self_check_passed: bool | None = None
    hidden_works: Words = ""
    """What is covered up now; «none» is said in words."""
    tightness: Tightness | None = None
    words: Words = ""


class AcceptanceRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="acceptance"
):
    """联合验收: passed with everybody's signature, or failed with its faults."""

    passed: bool | None = None
    faults: Annotated[list[Words], msgspec.Meta(max_length=100)] = []
    signatories: Annotated[list[Signed], msgspec.Meta(max_length=20)] = []
    words: Words = ""


class IgnitionRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ignition"):
    """通气点火. Any red item: no ignition."""

    people: Annotated[list[Label], msgspec.Meta(max_length=20)] = []
    """Who of the company was there: two at least."""
    adult_present: bool | None = None
    checklist: Annotated[dict[Label, Check], msgspec.Meta(max_length=60)] = {}
    """Item of `rules_records.CHECKLIST` → answer."""
    tightness: Tightness | None = None
    purged_outside: bool | None = None
    """置换放散 to the open air, never indoors."""
    flame_ok: bool | None = None
    appliance_pressure_kpa: Amount | None = None
    meter_no: Label = ""
    reading_m3: Amount | None = None
    signature: Label = ""
    """The customer's name as signed."""
    signature_drawn: Drawn | None = None
    words: Words = ""


class PluggingRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="plugging"):
    """封堵: one customer disconnected, capped and sealed."""

    valve_closed: bool | None = None
    final_reading_m3: Amount | None = None
    cap_test: Tightness | None = None
    seal_no: Label = ""
    signature: Label = ""
    signature_drawn: Drawn | None = None
    words: Words = ""


class DismantlingRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="dismantling"
):
    """拆除: as plugging, and what was taken away."""

    valve_closed: bool | None = None
    final_reading_m3: Amount | None = None
    cap_test: Tightness | None = None
    seal_no: Label = ""
    removed: Words = ""
    signature: Label = ""
    signature_drawn: Drawn | None = None
    words: Words = ""


class MeterChangeRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="meter_change"
):
    """换表."""

    old_meter_no: Label = ""
    new_meter_no: Label = ""
    last_reading_m3: Amount | None = None
    """Of the old meter."""
    first_reading_m3: Amount | None = None
    """Of the new one."""
    test: Tightness | None = None
    signature: Label = ""
    signature_drawn: Drawn | None = None
    words: Words = ""


class VisitRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="visit"):
    """上门: what was found or agreed."""

    words: Words = ""
    conditions_met: bool | None = None
    signature: Label = ""
    signature_drawn: Drawn | None = None


WorkRecord = (
    SurveyRecord
    | ConstructionRecord
    | AcceptanceRecord
    | IgnitionRecord
    | PluggingRecord
    | DismantlingRecord
    | MeterChangeRecord
    | VisitRecord
)
"""The record of any planned work; `kind` says which."""
