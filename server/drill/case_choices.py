"""Which way a case of a drill goes at each step, and what is written down there.

Pure: a process, what was planned for the case, and its own chance. Knows no process by name: the
words `prepaid`, `arrears` and `zero`, by which packs ask for the balance, are the one exception.
Not here: saying it to the servers (`case_player`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from server.drill.business import PlannedCase
from server.policy.wire_processes import Branch, Field, Outcome, Process, Step, StepKind

DONE: Final = "done"
_BALANCE: Final = frozenset({"prepaid", "arrears", "zero"})
TIRED: Final = 2
"""A way that leads back is taken so often at most."""


class Choices:
    """One case's way. `visited`: step → how often it was entered; `taken`: step/answer → times."""

    def __init__(self, process: Process, plan: PlannedCase) -> None:
        self._process = process
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._refused = False

    @property
    def chance(self) -> random.Random:
        """The case's own luck, for everything else about it."""
        return self._chance

    def answer(
        self, step: Step, visited: Mapping[str, int], taken: Mapping[str, int], balance_fen: int
    ) -> Branch | None:
        """A branch, or None for a step that is simply done (never for a decision)."""
        answers = {branch.answer for branch in step.branches}
        if answers & _BALANCE == _BALANCE:
            wanted = "zero" if not balance_fen else "prepaid" if balance_fen > 0 else "arrears"
            return next(one for one in step.branches if one.answer == wanted)
        if self._plan.group == "complaint" and any(one.independent for one in step.branches):
            return self._judgement(step, taken)
        options: list[tuple[Branch | None, float]] = []
        if step.next is not None and step.kind is not StepKind.DECISION:
            options.append((None, 10.0))
        options += [(one, self._weight(step, one, visited, taken)) for one in step.branches]
        found = [one for one in options if one[1] > 0] or options
        branch = self._chance.choices([one[0] for one in found], [one[1] for one in found])[0]
        if branch is not None and self._ends_badly(branch):
            self._refused = True
        return branch

    def _weight(
        self, step: Step, branch: Branch, visited: Mapping[str, int], taken: Mapping[str, int]
    ) -> float:
        if step.kind is StepKind.FIELD:
            return 0.0
        times = taken.get(f"{step.id}/{branch.answer}", 0)
        if self._ends_badly(branch):
            return 40.0 if self._plan.mishaps.refused and not self._refused else 0.0
        if visited.get(branch.next, 0) or self._leads_back(step, branch):
            return 3.0 if times < TIRED else 0.0
        return 1.5 if branch.reason_required else 10.0

    def _judgement(self, step: Step, taken: Mapping[str, int]) -> Branch:
        """A complaint comes back as often as was planned; then it is settled."""
        loops = sum(count for key, count in taken.items() if key.startswith(f"{step.id}/"))
        unhappy = loops < self._plan.mishaps.complaint_loops
        fitting = [
            one
            for one in step.branches
            if (one.reason_required and not one.independent)
            or (one.independent and one.reason_required is unhappy)
        ]
        strict = [one for one in fitting if one.reason_required is unhappy] or fitting
        return self._chance.choice(strict or list(step.branches))

    def _ends_badly(self, branch: Branch) -> bool:
        end = self._process.step(branch.next)
        return end.kind is StepKind.END and end.outcome is not Outcome.COMPLETED

    def _leads_back(self, step: Step, branch: Branch) -> bool:
        """Whether the branch goes to a step from which this one comes again without a choice."""
        seen, at = set(), self._process.step(branch.next)
        while at.id not in seen and at.next is not None:
            seen.add(at.id)
            at = self._process.step(at.next)
            if at.id == step.id:
                return True
        return at.id == step.id

    def delay(self, step: Step) -> timedelta:
        """How long somebody takes for a step before it is done."""
        slow = 5.0 if self._plan.mishaps.slow and self._chance.random() < 0.3 else 1.0
        match step.kind:
            case StepKind.WAIT:
                hours = self._chance.uniform(12, 72)
            case StepKind.FIELD:
                hours = self._chance.uniform(16, 40)
            case _:
                # Half of what is done at a desk is done with what came before it.
                hours = 0.0 if self._chance.random() < 0.5 else self._chance.uniform(2, 20)
        return timedelta(hours=hours * slow)

    def value(self, wanted: Field, known: Mapping[str, Any], now: datetime) -> Any:
        """Something true to write down; `now` in the company's time zone."""
        if wanted.sets is not None and known.get(wanted.sets) is not None:
            return known[wanted.sets]
        match wanted.type:
            case "number":
                low = wanted.at_least if wanted.at_least is not None else 1
                high = wanted.at_most if wanted.at_most is not None else max(low, 1) * 4
                return float(round(self._chance.uniform(low, high)))
            case "money":
                return self._chance.randrange(5, 300) * 10_000
            case "bool":
                return True if wanted.must_be is None else wanted.must_be
            case "choice":
                return self._chance.choice(wanted.choices)
            case "names":
                return ["王长安", "赵明远"]
            case "date":
                return (now + timedelta(days=self._chance.randint(10, 30))).date().isoformat()
            case "instant":
                return self.appointment(now).isoformat()
            case _:
                return f"{wanted.zh} {self._chance.randrange(10_000):04d}"

    def appointment(self, now: datetime) -> datetime:
        """A time tomorrow or the day after, by day."""
        at = now + timedelta(days=self._chance.randint(1, 2))
        return at.replace(hour=self._chance.randint(9, 16), minute=0, second=0, microsecond=0)
