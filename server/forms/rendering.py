"""Templates to HTML: sandboxed, escaped, and strict about what is missing.

A template is a Jinja2 text of the pack. It may extend `_layout` and import `_parts`, which are
templates of the pack too, so a company can replace them like any other. Not here: PDF (`pdf`),
finding faults in a pack's templates before any is used (`server.policy.checks_papers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import DictLoader, StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.forms.rules import FormTemplateBroken, FormValuesMissing

BLANK: tuple[object, ...] = (None, "", [], {})


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the layout prints of the form itself and of its company."""

    form_id: str
    zh: str
    en: str
    number: str | None
    sheet_version: int
    versioned: bool
    issued_at: datetime
    state: str
    company_zh: str
    company_en: str
    phone: str | None
    time_zone: str
    signatures: tuple[dict[str, Any], ...] = ()
    """One per box: as, zh, en, name (null unsigned), signed_at (null or an instant)."""


def render(templates: Mapping[str, str], head: Head, values: Mapping[str, Any]) -> str:
    """The whole HTML page of a form.

    templates: the pack's, by name. values: what was filled in; plain JSON, where instants and days
    are ISO 8601 texts and money is whole fen. Raises FormValuesMissing when the template asks by
    `need(…)` or by a bare name for what is not there, FormTemplateBroken for a faulty template.
    """
    missing: list[str] = []

    def given(name: str, otherwise: Any = "") -> Any:
        value = values.get(name)
        return otherwise if value in BLANK else value

    def need(*names: str) -> Any:
        """The first of `names` that was given; all blank: nothing is issued."""
        for name in names:
            if values.get(name) not in BLANK:
                return values[name]
        missing.append(" / ".join(names))
        return ""

    environment = _environment(tuple(sorted(templates.items())), head.time_zone)
    form = msgspec.structs.asdict(head)
    try:
        if head.form_id not in templates:
            raise FormTemplateBroken(form=head.zh, line=0, why="no template of that name")
        page = environment.get_template(head.form_id).render(
            {**values, "form": form, "given": given, "need": need}
        )
    except UndefinedError as error:
        raise FormValuesMissing(form=head.zh, missing=error.message or "?") from error
    except TemplateError as error:
        raise _broken(head.zh, error) from error
    if missing:
        raise FormValuesMissing(form=head.zh, missing="、".join(missing))
    return page


def _broken(form: str, error: TemplateError) -> FormTemplateBroken:
    line = getattr(error, "lineno", None)
    return FormTemplateBroken(form=form, line=line or 0, why=error.message or type(error).__name__)


@lru_cache(maxsize=32)
def _environment(
    templates: tuple[tuple[str, str], ...], time_zone: str
) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(templates)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(time_zone)
    environment.filters["yuan"] = yuan
    environment.filters["day"] = lambda value: spoken_day(value, zone)
    environment.filters["moment"] = lambda value: spoken_moment(value, zone)
    return environment


def yuan(fen: Any) -> str:
    """¥1,234.56 for 123456 whole fen; blank stays blank."""
    if fen in BLANK:
        return ""
    sign, amount = ("-", -int(fen)) if int(fen) < 0 else ("", int(fen))
    return f"{sign}¥{amount // 100:,}.{amount % 100:02d}"


def _instant(value: Any, zone: ZoneInfo) -> datetime | date | None:
    if value in BLANK:
        return None
    if isinstance(value, str):
        try:
            if len(value) == len("2026-11-21"):
                return date.fromisoformat(value)
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(zone)
    return value if isinstance(value, date) else None


def spoken_day(value: Any, zone: ZoneInfo) -> str:
    """2026年11月21日 in the company's time zone; what is no date stays as it is."""
    known = _instant(value, zone)
    return (
        ("" if value in BLANK else str(value))
        if known is None
        else f"{known.year}年{known.month}月{known.day}日"
    )


def spoken_moment(value: Any, zone: ZoneInfo) -> str:
    """2026年11月21日 14:05 in the company's time zone; a day alone has no time."""
    known = _instant(value, zone)
    if not isinstance(known, datetime):
        return spoken_day(value, zone)
    return f"{spoken_day(known, zone)} {known:%H:%M}"
