"""What is written down at a step: checked against the pack's fields, and put into the particulars.

Pure. Not here: when a field must be filled in (`rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from server.cases import refusals
from server.policy.wire_processes import PARTICULARS, Field, Particulars
from server.refusal import Invalid

LONGEST_TEXT = 4000
LARGEST_SUM_FEN = 10_000_000_000


def checked_values(
    fields: tuple[Field, ...], given: Mapping[str, Any], *, complete: bool, hard: bool
) -> dict[str, Any]:
    """The given values in their fields' types, as plain JSON values.

    complete: every required field must be there. hard: `must_be` is enforced (a hard stop); a «no»
    is not bound by it. Raises FieldMissing, FieldInvalid, FieldUnknown, HardStop; each names
    the key.
    """
    known = {one.key: one for one in fields}
    for key in given:
        if key not in known:
            raise refusals.FieldUnknown(field=key)
    values: dict[str, Any] = {}
    for one in fields:
        value = given.get(one.key)
        if value is None or value == "" or value == []:
            if complete and one.required:
                raise refusals.FieldMissing(field=one.key, zh=one.zh, en=one.en)
            continue
        values[one.key] = _checked(one, value)
        if hard and one.must_be is not None and values[one.key] is not one.must_be:
            raise refusals.HardStop(field=one.key, zh=one.zh, en=one.en)
    return values


def _checked(field: Field, value: Any) -> Any:
    match field.type:
        case "text":
            return _text(field, value)
        case "number":
            return _number(field, value)
        case "money":
            if isinstance(value, bool) or not isinstance(value, int):
                raise _no(field, "须为整数（分）", "whole fen")
            if not 0 <= value <= LARGEST_SUM_FEN:
                raise _no(field, "金额超出范围", "out of range")
            return _within(field, value)
        case "bool":
            if not isinstance(value, bool):
                raise _no(field, "须为是或否", "yes or no")
            return value
        case "choice":
            if value not in field.choices:
                raise _no(field, "、".join(field.choices), "one of " + ", ".join(field.choices))
            return value
        case "names":
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise _no(field, "须为姓名列表", "a list of names")
            return [_text(field, one) for one in value]
        case "date":
            return _date(field, value).isoformat()
        case "instant":
            return _instant(field, value).isoformat()


def _no(field: Field, why_zh: str, why_en: str) -> refusals.FieldInvalid:
    return refusals.FieldInvalid(
        field=field.key, zh=field.zh, en=field.en, why_zh=why_zh, why_en=why_en
    )


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\x00" in value:
        raise _no(field, "须为文字", "text")
    if len(value) > LONGEST_TEXT:
        raise _no(field, f"不超过 {LONGEST_TEXT} 字", f"at most {LONGEST_TEXT} characters")
    return value.strip()


def _number(field: Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no(field, "须为数字", "a number")
    if value != value or value in (float("inf"), float("-inf")):
        raise _no(field, "须为数字", "a number")
    return _within(field, value)


def _within(field: Field, value: float) -> Any:
    if field.at_least is not None and value < field.at_least:
        raise _no(field, f"不小于 {field.at_least:g}", f"at least {field.at_least:g}")
    if field.at_most is not None and value > field.at_most:
        raise _no(field, f"不大于 {field.at_most:g}", f"at most {field.at_most:g}")
    return value


def _date(field: Field, value: Any) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else _raise_value()
    except ValueError as error:
        raise _no(field, "须为日期 YYYY-MM-DD", "a date, YYYY-MM-DD") from error


def _instant(field: Field, value: Any) -> datetime:
    try:
        at = msgspec.convert(value, datetime) if isinstance(value, str) else _raise_value()
    except (ValueError, msgspec.ValidationError) as error:
        raise _no(field, "须为带时区的时间", "a time with its zone") from error
    if at.tzinfo is None:
        raise _no(field, "须为带时区的时间", "a time with its zone")
    return at


def _raise_value() -> Any:
    raise ValueError


def particulars_in(
    known: Particulars, fields: tuple[Field, ...], values: Mapping[str, Any]
) -> Particulars:
    """The particulars once the fields that set one have been written down.

    Raises FieldInvalid when a value does not fit the particular.
    """
    plain = plain_particulars(known)
    for one in fields:
        if one.sets is not None and one.key in values:
            try:
                msgspec.convert({one.sets: values[one.key]}, Particulars)
            except msgspec.ValidationError as error:
                raise _no(one, str(error), str(error)) from error
            plain[one.sets] = values[one.key]
    return msgspec.convert(plain, Particulars)


def plain_particulars(particulars: Particulars) -> dict[str, Any]:
    """Only what is known, as plain values."""
    return {
        key: value
        for key in sorted(PARTICULARS)
        if (value := getattr(particulars, key)) is not None
    }


def particulars_from(plain: Mapping[str, Any]) -> Particulars:
    """Particulars as sent. Raises Invalid naming the key that is unknown or does not fit."""
    for key, value in plain.items():
        if key not in PARTICULARS:
            raise Invalid(field=f"particulars.{key}", why="no such particular / 没有此项")
        try:
            msgspec.convert({key: value}, Particulars)
        except msgspec.ValidationError as error:
            raise Invalid(field=f"particulars.{key}", why=str(error)) from error
    return msgspec.convert(dict(plain), Particulars)
