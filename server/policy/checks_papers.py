"""What roles, papers, forms, fees, notices, hours and ratios of a pack must agree on.

Not here: clauses (`checks`), processes (`checks_processes`).
"""

from __future__ import annotations

from collections.abc import Iterator

import jinja2

from server.policy.finding import Finding, condition_findings, repeated
from server.policy.wire import Pack

SIGNING_PARTIES = frozenset({"customer", "design", "contractor", "supervision", "crew"})
"""Who may sign beside the company's own roles."""

ORDER_KINDS = frozenset(
    {
        "repair",
        "survey",
        "construction",
        "acceptance",
        "ignition",
        "plugging",
        "dismantling",
        "meter_change",
        "visit",
    }
)
"""Kinds of field work a step may issue: those of `server.work` but the response to a leak, which
only an incident has (a test compares)."""


def papers_findings(pack: Pack) -> Iterator[Finding]:
    """Everything wrong with the small tables of a pack."""
    for file, table, ids in (
        ("roles.toml", "roles", [role.id for role in pack.roles]),
        ("channels.toml", "channels", [channel.id for channel in pack.channels]),
        ("documents.toml", "documents", [document.id for document in pack.documents]),
        ("forms.toml", "forms", [form.id for form in pack.forms]),
        ("fees.toml", "fees", [fee.id for fee in pack.fees]),
        ("notices.toml", "notices", [notice.id for notice in pack.notices]),
        ("notices.toml", "quiet_hours", [hours.id for hours in pack.quiet_hours]),
        ("hours.toml", "service", [hours.id for hours in pack.service_hours]),
        ("ratios.toml", "ratios", [ratio.id for ratio in pack.ratios]),
    ):
        yield from repeated(file, table, ids)
    yield from _role_findings(pack)
    yield from _form_findings(pack)
    yield from _fee_findings(pack)
    yield from _hours_findings(pack)
    for kind in pack.order_needs:
        if kind not in ORDER_KINDS:
            yield Finding("orders.toml", f"needs.{kind}", "is no kind of planned field work")


def _role_findings(pack: Pack) -> Iterator[Finding]:
    for number, role in enumerate(pack.roles):
        if not role.roles:
            yield Finding("roles.toml", f"roles[{number}].roles", "nobody could act for it")


def _form_findings(pack: Pack) -> Iterator[Finding]:
    file = "forms.toml"
    signing = SIGNING_PARTIES | {role.id for role in pack.roles}
    known = {form.id for form in pack.forms}
    for number, form in enumerate(pack.forms):
        for name in form.signatures:
            if name not in signing:
                yield Finding(file, f"forms[{number}].signatures", f"no role is called {name}")
        if form.id not in pack.templates:
            yield Finding(file, f"forms[{number}].id", f"has no template forms/{form.id}.html")
    environment = jinja2.Environment(autoescape=True)
    for template, text in pack.templates.items():
        own = f"forms/{template}.html"
        if template not in known and not template.startswith("_"):
            yield Finding(own, "", "is the template of no form of forms.toml")
        try:
            environment.parse(text)
        except jinja2.TemplateSyntaxError as error:
            yield Finding(own, "", error.message or "is no template", error.lineno)
        except RecursionError:
            yield Finding(own, "", "is nested too deeply")


def _fee_findings(pack: Pack) -> Iterator[Finding]:
    file = "fees.toml"
    charges = {fee.id for fee in pack.fees if fee.kind in ("charge", "collect")}
    for number, fee in enumerate(pack.fees):
        key = f"fees[{number}]"
        yield from condition_findings(fee.when, file, f"{key}.when")
        if bool(fee.frees) != (fee.kind == "free"):
            yield Finding(file, f"{key}.frees", "goes with kind free, and free with it")
        for name in fee.frees:
            if name not in charges:
                yield Finding(file, f"{key}.frees", f"no charge is called {name}")
        if fee.discount_fen_per_m3 is not None and fee.kind != "discount":
            yield Finding(file, f"{key}.discount_fen_per_m3", "goes with kind discount")
        if None not in (fee.min_fen, fee.max_fen) and (fee.min_fen or 0) > (fee.max_fen or 0):
            yield Finding(file, f"{key}.min_fen", "is above max_fen")


def _hours_findings(pack: Pack) -> Iterator[Finding]:
    file = "hours.toml"
    if pack.business_hours.opens >= pack.business_hours.closes:
        yield Finding(file, "business.closes", "closes before it opens")
    if not any(
        hours.use == "emergency" and hours.days == "every_day" and hours.opens == hours.closes
        for hours in pack.service_hours
    ):
        yield Finding(file, "service", "no emergency line is served around the clock")
