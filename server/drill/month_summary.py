"""What a month of business came to: cases by process and outcome, clocks by clause, and whether all
is as it must be.

Not here: playing it (`month`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.drill.case_player import CasePlayer
from server.policy.wire_processes import Outcome, StepKind

_CLOCK_STATES = frozenset({"running", "met", "late", "cancelled"})


@dataclass(frozen=True, slots=True)
class MonthTally:
    """A month played to its end."""

    month: str
    cases: Mapping[str, Counter[str]]
    """Process → outcome (`running` for those that go on) → how many."""
    titles: Mapping[str, str]
    clauses: Sequence[Mapping[str, Any]]
    """Rows of the report of clauses, drills alone."""
    call_backs: Counter[str]
    provoked: Counter[str]
    wrong: Sequence[str]
    """Whatever is not as it must be; empty: all went well."""
    asked: int
    turns: int
    took_s: float
    stories: Sequence[str] = field(default_factory=tuple)

    @property
    def fingerprint(self) -> str:
        """The same for the same seed, month, pack and town."""
        return hashlib.sha256("\n".join(self.stories).encode()).hexdigest()[:16]


def illegal(player: CasePlayer) -> list[str]:
    """What is not as it must be of a case's page as it is now; empty: all is."""
    case, found = player.page["case"], []
    name = f"{case['number']} {case['process']}"
    if case["state"] == "closed":
        if case["outcome"] not in {one.value for one in Outcome}:
            found.append(f"{name}: closed without an outcome")
        if any(one["state"] == "running" and one["due_at"] for one in player.page["clocks"]):
            found.append(f"{name}: closed, and clocks still run")
    else:
        step = player.process.step(case["step"])
        if step.kind is StepKind.END:
            found.append(f"{name}: stands at its end {step.id}, and is not closed")
        if case["outcome"] is not None:
            found.append(f"{name}: open, and has an outcome")
    odd = {one["state"] for one in player.page["clocks"]} - _CLOCK_STATES
    if odd:
        found.append(f"{name}: clocks that are {odd}")
    return found


def story_of(player: CasePlayer) -> str:
    """A case's story in a line."""
    plan = player.plan
    return (
        f"{plan.number} {plan.arrives_at:%d %H:%M} {plan.process} {plan.name} {plan.channel} "
        f"{player.story.outcome} {' '.join(player.story.chosen)}"
    )


def table(tally: MonthTally) -> str:
    """The summary as text."""
    lines = [f"{tally.month}: {_count(tally)} cases, {tally.asked} requests, {tally.turns} turns"]
    rate = _count(tally) / max(tally.took_s, 0.001) * 60
    lines[0] += f", {tally.took_s:.0f} s ({rate:.0f} cases a minute). Story {tally.fingerprint}"
    lines += ["", *_cases(tally), "", *_clauses(tally), ""]
    lines.append("Call-backs 回访: " + _counts(tally.call_backs))
    lines.append("Refusals provoked 有意触发的拒绝: " + _counts(tally.provoked))
    if tally.wrong:
        lines += ["", f"NOT AS IT MUST BE 不符 ({len(tally.wrong)}):"]
        lines += [f"  {one}" for one in tally.wrong[:30]]
    return "\n".join(lines)


def _count(tally: MonthTally) -> int:
    return sum(sum(counts.values()) for counts in tally.cases.values())


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{key} {number}" for key, number in sorted(counts.items())) or "none"


def _cases(tally: MonthTally) -> list[str]:
    outcomes = sorted({one for counts in tally.cases.values() for one in counts})
    rows = [["Process 流程", *outcomes]]
    for process, counts in sorted(tally.cases.items()):
        title = f"{process} {tally.titles.get(process, '')}"
        rows.append([title, *(str(counts[one] or "") for one in outcomes)])
    return _laid_out(rows)


def _clauses(tally: MonthTally) -> list[str]:
    rows = [["Clause 条款", "met", "late", "exempt", "running", "overdue", "ended"]]
    for row in tally.clauses:
        whole = row["whole"]
        figures = ("met", "late", "exempt", "running", "running_late", "cancelled")
        title = f"{row['clause_id']} {row['zh']}"
        rows.append([title[:40], *(str(whole[one] or "") for one in figures)])
    return _laid_out(rows)


def _laid_out(rows: list[list[str]]) -> list[str]:
    widths = [max(_width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            text + " " * (wide - _width(text)) if at == 0 else " " * (wide - _width(text)) + text
            for at, (text, wide) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
