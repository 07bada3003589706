"""The files of a pack: their names, and the shape of each TOML file's top level.

Not here: the shapes inside (`wire*`), reading them (`loading`).
"""

from __future__ import annotations

import re

import msgspec

from server.policy.wire import Cause, ClassRule, Clause
from server.policy.wire_papers import (
    BusinessHours,
    CallBackRules,
    Channel,
    CompanyRole,
    DeferralRules,
    Document,
    FeeRule,
    Form,
    NoticeRule,
    OrderNeeds,
    QuietHours,
    Ratio,
    ServiceHours,
)
from server.policy.wire_processes import CustomerClass

HEAD_FILE = "pack.toml"
BODY_FILES = (
    "classes.toml",
    "clauses.toml",
    "dispatch.toml",
    "safety_script.toml",
    "clauses_cases.toml",
    "customers.toml",
    "roles.toml",
    "channels.toml",
    "documents.toml",
    "forms.toml",
    "fees.toml",
    "notices.toml",
    "hours.toml",
    "ratios.toml",
    "orders.toml",
)
"""A pack that extends another may leave out any of these."""

PROCESS_FILE = re.compile(r"processes/([A-Za-z0-9][A-Za-z0-9_-]*)\.toml")
"""One file for each process, named by its id."""

TEMPLATE_FILE = re.compile(r"forms/([A-Za-z0-9_][A-Za-z0-9_-]*)\.html")
"""One template for each form, named by the form's id; `_…` are parts that templates share."""


class ClausesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """clauses.toml and clauses_cases.toml."""

    clauses: tuple[Clause, ...]
    causes: tuple[Cause, ...] = ()


class CustomersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """customers.toml."""

    classes: tuple[CustomerClass, ...]


class RolesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """roles.toml."""

    roles: tuple[CompanyRole, ...]


class ChannelsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """channels.toml."""

    channels: tuple[Channel, ...]


class DocumentsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """documents.toml."""

    documents: tuple[Document, ...]
    deferrals: DeferralRules


class FormsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """forms.toml."""

    forms: tuple[Form, ...]


class FeesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """fees.toml."""

    fees: tuple[FeeRule, ...] = ()


class NoticesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """notices.toml."""

    notices: tuple[NoticeRule, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()


class HoursFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hours.toml."""

    business: BusinessHours
    service: tuple[ServiceHours, ...]


class RatiosFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ratios.toml."""

    ratios: tuple[Ratio, ...]
    call_backs: CallBackRules


class OrdersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """orders.toml."""

    needs: dict[str, OrderNeeds]


class ClassesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """classes.toml."""

    rules: tuple[ClassRule, ...]


BODY_KINDS: dict[str, type[msgspec.Struct]] = {
    "classes.toml": ClassesFile,
    "clauses.toml": ClausesFile,
    "clauses_cases.toml": ClausesFile,
    "customers.toml": CustomersFile,
    "roles.toml": RolesFile,
    "channels.toml": ChannelsFile,
    "documents.toml": DocumentsFile,
    "forms.toml": FormsFile,
    "fees.toml": FeesFile,
    "notices.toml": NoticesFile,
    "hours.toml": HoursFile,
    "ratios.toml": RatiosFile,
    "orders.toml": OrdersFile,
}
"""The shape of each body file that is read as it stands (dispatch.toml carries sources, and the
safety script is one thing by itself)."""
