"""What surrounds a case: roles, channels, documents, forms, fees, notices, hours, ratios.

Not here: processes and clauses.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

import msgspec

from server.actor import Role
from server.policy.wire_clauses import Conditions
from server.policy.wire_limits import Code, Positive, Text

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class CompanyRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role as the company's text names it, and which of the system's roles may act for it."""

    id: Code
    zh: Text
    en: Text
    names: tuple[Text, ...]
    """As written in the seeds, variants and typos included."""
    roles: tuple[Role, ...]
    """The system's roles that may take it; outside parties have the contractor's."""
    outside: bool = False
    source: Text


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way in."""

    id: Code
    zh: Text
    en: Text
    kind: Literal[
        "phone", "walk_in", "wechat", "gov_portal", "gov_hall", "app", "visit", "canvass",
        "gov_push", "group_chat", "sensor", "patrol", "transfer",
    ]  # fmt: skip
    source: Text
    phone: Text | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper asked of a customer."""

    id: Code
    zh: Text
    en: Text
    source: Text
    safety: bool = False
    """Touches legality, operating safety or technical reliability: can never be deferred (A24)."""
    deferrable: bool = True
    personal: bool = False
    """Carries an ID number or the like: kept masked, looked at with a trace."""
    one_of: Code | None = None
    """Any one document of the same group will do (房产证 or 购房合同)."""


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper the company issues; its template is `forms/<id>.html` of the pack or of the pack it
    extends."""

    id: Code
    zh: Text
    en: Text
    source: Text
    numbered: bool = True
    versioned: bool = False
    """A new issue supersedes the last (派工单)."""
    signatures: tuple[Code, ...] = ()
    """Who signs."""
    tells_gaps: bool = False
    """It is the one-time notice (一次性告知单): issuing it tells the customer what is missing."""


class FeeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a tariff, or a rule that makes a line free. Amounts are whole fen."""

    id: Code
    zh: Text
    en: Text
    source: Text
    quote: Text
    kind: Literal["charge", "free", "discount", "plan", "refund", "collect"]
    """free: the line is shown at zero, and charging it is refused. plan: instalments or grace.
    refund, collect: the customer's balance, before transfer or close-out."""
    amount_fen: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Null: the seed gives no tariff; the amount is entered by hand with its publication source."""
    per: Literal["piece", "m3", "job"] = "job"
    when: Conditions = {}
    needs_signature: bool = True
    frees: tuple[Code, ...] = ()
    """kind free: the charge lines it makes free."""
    discount_fen_per_m3: float | None = None
    grace_months: Positive | None = None
    min_fen: int | None = None
    max_fen: int | None = None


class NoticeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lead time and hours of planned work that interrupts supply. Strictest wins; all are shown."""

    id: Code
    zh: Text
    en: Text
    source: Text
    quote: Text
    hours_ahead: Positive
    blocks: bool
    """True: publishing later than this is refused (A20). False: it only warns."""
    work: tuple[Literal["suspension", "live_gas", "restore"], ...]
    emergency_exempt: bool = True


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which something is not done (22:00-06:00 no restoring; peaks no live-gas work)."""

    id: Code
    zh: Text
    en: Text
    source: Text
    work: tuple[Literal["suspension", "live_gas", "restore"], ...]
    from_time: time
    to_time: time
    blocks: bool


class ServiceHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a line is served. Outside, business is queued and never lost; emergencies never wait."""

    id: Code
    zh: Text
    en: Text
    source: Text
    phone: Text | None = None
    use: Literal["business", "emergency", "complaint", "counter"]
    days: Literal["every_day", "working_days"]
    opens: time
    closes: time
    """00:00 stands for 24:00; opens == closes stands for around the clock."""


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of a working day, by which «工作日» limits end and stopwatches count."""

    opens: time
    closes: time
    source: Text


class Ratio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promised ratio, how it is counted, and whether it is a target or a rule."""

    id: Code
    zh: Text
    en: Text
    source: Text
    quote: Text
    percent: Percent | None = None
    """Null: the text promises improvement without a figure."""
    of: Code
    """What it is counted of: residents_reached, others_reached, emergencies_without_revisit,
    meters_passed, satisfaction …"""
    period: Literal["month", "always"] = "month"
    standing: Literal["promise", "target", "default"] = "promise"


class CallBackRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The monthly draw (A21, A22)."""

    residents_percent: Percent
    others_percent: Percent
    others_base: Literal["completed", "all"] = "completed"
    stratify_by: Literal["crew", "zone"] = "crew"
    escalate_after: tuple[Positive, ...] = (2, 3)
    """Failed call-backs of a complaint after which it goes to the inspector, to the managers."""
    source: Text


class DeferralRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How papers are accepted later (容缺)."""

    allowed: bool
    due: Positive
    """Working days; a reading where the text says only «规定期限» (T15)."""
    chase_at_percent: tuple[int, ...] = (50, 80)
    source: Text
    reading: Text | None = None


class OrderNeeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a crew must have for planned work of one kind, and how long it usually takes."""

    skills: tuple[Code, ...]
    kit: tuple[Code, ...]
    min_staff: Positive
    minutes: Positive
    source: Text
