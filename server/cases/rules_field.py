"""What a crew's word means for the step that sent it.

Pure. Not here: whether the case still waits for it (`owner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.cases.rules import DONE
from server.policy.wire_processes import Step

_DRAWN = frozenset({"drawn", "signature_drawn"})
"""Signatures drawn by finger stay with the field's own record: long, and personal."""


def answer_of(step: Step, what: str, params: Mapping[str, Any]) -> str | None:
    """The answer a fact gives: `done`, a branch, or None when the step has no branch for it.

    A completed acceptance that was not passed is `failed`.
    """
    if what == "completed":
        record = params.get("record") or {}
        if record.get("passed") is False:
            return _branch(step, "failed")
        return DONE
    if what == "nobody_home":
        return _branch(step, "no_one_home")
    return _branch(step, what)


def _branch(step: Step, answer: str) -> str | None:
    return answer if any(one.answer == answer for one in step.branches) else None


def words_of(params: Mapping[str, Any]) -> str:
    """A crew's reasons and words as one text, for the written answer."""
    record = params.get("record") or {}
    parts = [
        *(params.get("reasons") or []),
        *(record.get("faults") or []),
        params.get("words") or record.get("words") or "",
    ]
    return "; ".join(part for part in parts if part)


def kept_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as the case keeps it."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(one) for key, one in value.items() if key not in _DRAWN}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return value

    kept: dict[str, Any] = plain(record)
    return kept


def values_of(step: Step, record: Mapping[str, Any]) -> dict[str, Any]:
    """What of the record the step's fields ask for, by their keys; blanks are left out."""
    return {
        one.key: record[one.key] for one in step.fields if record.get(one.key) not in (None, "", [])
    }
