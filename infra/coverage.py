"""What the regulations say, where the packs hold it, which test runs it: docs/coverage.md.

Belongs here: finding each row of the inventory in the loaded packs, and its tests in the tests'
files; refusing a row that has neither a place nor a reason. Does not belong here: the inventory
itself (`tests/coverage.toml`), reading the packs' files (`coverage_places`), the command
(`cli_docs`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from infra.checkout import ROOT
from infra.coverage_places import Place, places_of, plain
from server.policy.calendar import Calendar, shipped_years
from server.policy.loading import PACKS_FOLDER

COVERAGE = ROOT / "docs" / "coverage.md"
INVENTORY = ROOT / "tests" / "coverage.toml"

COMPANIES: dict[str, str] = {
    "000": "xinzheng",
    "001": "xinzheng",
    "002": "tanghe",
    "003": "xinyang",
    "004": "anshun",
    "-": "default",
}
"""The pack in which each regulation's words must be found; `-`: in no regulation."""

WALK = "tests/api/test_processes.py::test_every_branch_can_be_taken_to_an_end"
LIMIT = "tests/unit/policy/test_limits.py::test_every_limit_ends_when_its_text_says"

ALL_OF = {
    "processes": [f"P{number:02}" for number in range(1, 33)],
    "limits": [f"T{number:02}" for number in range(1, 44)],
    "readings": [f"A{number}" for number in range(1, 33)],
}
"""Sections that must be complete, by their name."""

SHOWN_PLACES = 4
"""So many places of a row are written out; the others are counted."""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing the regulations (or domain.md §1) say."""

    id: str
    """Its id in domain.md, or the words themselves."""
    says: str = ""
    """Words that must stand in the place found, `…` between parts; empty: the id's. `*`: none."""
    of: tuple[str, ...] = ()
    """The regulations that say it; empty: the section's."""
    at: tuple[str, ...] = ()
    """What to look for: a kind, or a kind and an id (`clause:T33`, also T33-WORK). Each must be
    found; empty: the section's."""
    limit: str = ""
    """Clauses: unit and numbers, as «hour 24»."""
    code: tuple[str, ...] = ()
    """Files of the program that hold it where no pack could, and say so by its id."""
    tests: tuple[str, ...] = ()
    """Tests beside those that follow from the place (walks and limits)."""
    reason: str = ""
    """Why it has no place, or none of its own."""


class Vector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of domain.md §1.12."""

    event: date
    working_days: int
    deadline: date | None = None
    """None: the year is not entered."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the document."""

    name: str
    title: str
    of: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    vectors: tuple[Vector, ...] = ()


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """tests/coverage.toml."""

    sections: tuple[Section, ...]


@dataclass
class Found:
    """What became of a row."""

    places: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_inventory(path: Path = INVENTORY) -> Inventory:
    """The inventory. Raises msgspec.ValidationError where it has not the shape above."""
    return msgspec.toml.decode(path.read_bytes(), type=Inventory)


def coverage(
    inventory: Inventory, tests: frozenset[str], packs: Path = PACKS_FOLDER
) -> tuple[str, list[str]]:
    """The document, and everything wrong: rows found nowhere, tests that do not exist."""
    parts, problems, counts = [], [], []
    for section in inventory.sections:
        lines: list[str] = []
        for row in section.rows:
            found = find(row, section, tests, packs)
            problems += [f"{section.title}, {row.id}: {one}" for one in found.problems]
            lines.append(_line(row, section, found))
        for vector in section.vectors:
            line, wrong = _vector(vector, section, tests)
            problems += wrong
            lines.append(line)
        wanted = ALL_OF.get(section.name, [])
        missing = [one for one in wanted if one not in {row.id for row in section.rows}]
        problems += [f"{section.title}: {one} has no row" for one in missing]
        problems += _twice(section)
        covered = sum(bool(row.reason) is False for row in section.rows) + len(section.vectors)
        counts.append(f"| {section.title} | {len(lines)} | {covered} | {len(lines) - covered} |")
        parts += [f"## {section.title}\n", _TABLE, *lines, ""]
    head = [_HEAD, "| | rows | covered | covered, with a word beside it |", "|---|---|---|---|"]
    return "\n".join([*head, *counts, "", *parts]), problems


def find(row: Row, section: Section, tests: frozenset[str], packs: Path) -> Found:
    """Look a row up in the packs, and its tests among `tests`."""
    found = Found()
    seeds = row.of or section.of
    wanted = row.at or section.at
    says = row.says or row.id
    hit: set[str] = set()
    places: list[tuple[str, Place]] = []
    for company in dict.fromkeys(COMPANIES[seed] for seed in seeds):
        mine = [
            (what, place)
            for what in wanted
            for place in places_of(company, packs)
            if _is(place, what) and _says(place, says)
        ]
        if wanted and not mine:
            found.problems.append(f"is nowhere in the pack of {company} ({', '.join(wanted)})")
        hit |= {what for what, _ in mine}
        places += [(company, place) for _, place in mine]
    if hit:
        found.problems += [f"no {what} holds it" for what in wanted if what not in hit]
    if row.limit:
        clauses = [place for _, place in places if place.kind == "clause"]
        found.problems += [
            f"{place.shown} says {limit_words(place.entry['limit'])}, not {row.limit}"
            for place in clauses
            if limit_words(place.entry["limit"]) not in row.limit.split(" | ")
        ]
    found.places = list(dict.fromkeys(place.shown for _, place in places))
    for file in row.code:
        path = ROOT / file
        if not path.is_file() or not re.search(
            rf"\b{re.escape(row.id)}\b", path.read_text(encoding="utf-8")
        ):
            found.problems.append(f"{file} does not name it")
        found.places.append(f"`{file}`")
    named = row.tests or section.tests
    found.tests = list(dict.fromkeys([*_ran_by(places, packs), *named]))
    found.problems += [
        f"there is no test {one}" for one in found.tests if one.split("[")[0] not in tests
    ]
    if not row.reason:
        if not found.places:
            found.problems.append("has neither a place nor a reason")
        if not found.tests:
            found.problems.append("is run by no test and has no reason")
    return found


def _is(place: Place, what: str) -> bool:
    kind, _, wanted = what.partition(":")
    if place.kind != kind:
        return False
    return not wanted or place.id == wanted or place.id.startswith((f"{wanted}-", f"{wanted}."))


def _says(place: Place, says: str) -> bool:
    if says == "*":
        return True
    words = place.words if re.match(r"（?A\d", says) else place.quoted
    # A2 is not A24, and 2日 is not 12日.
    return all(
        re.search(
            (r"(?<!\d)" if part[0].isdigit() else "")
            + re.escape(part)
            + (r"(?!\d)" if part[-1].isdigit() else ""),
            words,
        )
        for part in map(plain, says.split("…"))
    )


def _ran_by(places: list[tuple[str, Place]], packs: Path) -> Iterator[str]:
    """The walks and limits that follow from where a thing stands: of each company the first."""
    done: set[tuple[str, str]] = set()
    for company, place in places:
        if place.kind == "clause" and place.id.startswith("T"):
            yield f"{LIMIT}[{company}-{place.id}]"
        if (company, place.kind) in done or company == "default":
            continue
        process = next(_walked_with(company, place, packs), None)
        if process is not None:
            done.add((company, place.kind))
            yield f"{WALK}[{company}-{process}]"


def _walked_with(company: str, place: Place, packs: Path) -> Iterator[str]:
    """Processes of a company that cases run, and that use an entry; those it wrote itself first,
    for over these every branch is walked."""
    processes = [
        one
        for one in places_of(company, packs)
        if one.kind == "process" and one.entry.get("runs_in", "cases") == "cases"
    ]
    processes.sort(key=lambda one: not one.file.startswith(f"{company}/"))
    for process in processes:
        if place.kind in ("process", "step"):
            uses = place.id.split(".")[0] == process.id
        elif place.kind == "clause":
            uses = _runs_in(place.entry, process.entry)
        else:
            uses = place.id in _used(place.kind, process.entry)
        if uses:
            yield process.id


def _runs_in(clause: Mapping[str, Any], process: Mapping[str, Any]) -> bool:
    """Whether a clause's clock begins and ends in a process."""
    applies = clause["applies"]
    told = {process.get("start_fact", "applied")}
    for by in _doings(process):
        told |= {by[key] for key in ("fact", "enter_fact") if key in by}
    customers = set(applies.get("customers", ()))
    return (
        clause.get("subject") == "case"
        and process["id"] in applies.get("processes", [process["id"]])
        and {clause["start"], clause["what"]} <= told
        and (not customers or bool(customers & set(process.get("customers", customers))))
    )


def _doings(process: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every step of a process and every branch of each."""
    for step in process["steps"]:
        yield step
        yield from step.get("branches", ())


def _used(kind: str, process: Mapping[str, Any]) -> set[str]:
    """Ids of that kind that a process names."""
    steps = process["steps"]
    match kind:
        case "document":
            return set(process.get("papers", ()))
        case "class":
            return set(process.get("customers", ()))
        case "role":
            return {step["role"] for step in steps if "role" in step} | {
                one for step in steps for one in step.get("signatories", ())
            }
        case "fee":
            return {one for step in steps for one in step.get("fees", ())}
        case "form":
            return {
                one
                for by in _doings(process)
                for key in ("forms", "forms_done")
                for one in by.get(key, ())
            }
        case "needs":
            return {step["order"] for step in steps if "order" in step}
        case _:
            return set()


def limit_words(limit: Mapping[str, Any]) -> str:
    """«hour 24», «calendar_day 1 hours», «on_date contract_date true»."""
    return " ".join(
        f"{value:g}"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for value in limit.values()
    )


@lru_cache(maxsize=1)
def names_of_tests(folder: Path = ROOT / "tests") -> frozenset[str]:
    """Every test function of the tests' files, as `tests/…/test_x.py::test_y`."""
    found: set[str] = set()
    for path in sorted(folder.rglob("test_*.py")):
        file = path.relative_to(folder.parent).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {
            f"{file}::{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
        }
    return frozenset(found)


def _twice(section: Section) -> Iterator[str]:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for row in section.rows:
        if (row.id, row.of) in seen:
            yield f"{section.title}: {row.id} stands there twice"
        seen.add((row.id, row.of))


def _vector(vector: Vector, section: Section, tests: frozenset[str]) -> tuple[str, list[str]]:
    """A row of the vectors, counted here day by day."""
    calendar = Calendar(shipped_years())
    day, left = vector.event, vector.working_days
    while left:
        day += timedelta(days=1)
        left -= calendar.working(day)
    known = calendar.known(day.year)
    name = f"{vector.event} + {vector.working_days} WD"
    wrong = [
        f"{section.title}: there is no test {one}" for one in section.tests if one not in tests
    ]
    if (day if known else None) != vector.deadline:
        wrong.append(f"{section.title}: {name} is {day if known else 'provisional'}")
    ends = str(vector.deadline) if vector.deadline else "provisional, with an alarm"
    return _cells(
        name, ends, "", "`server/policy/calendars/cn-2026.toml`", _shown(section.tests), ""
    ), wrong


def _line(row: Row, section: Section, found: Found) -> str:
    places = found.places[:SHOWN_PLACES]
    if len(found.places) > SHOWN_PLACES:
        places.append(f"and {len(found.places) - SHOWN_PLACES} more")
    says = row.says if row.says not in ("", "*", row.id) else ""
    if row.limit:
        says = f"{says} ({row.limit})".strip()
    of = " ".join(one for one in row.of or section.of if one != "-")
    return _cells(row.id, says, of, "<br>".join(places), _shown(found.tests), row.reason)


def _shown(tests: Iterable[str]) -> str:
    return "<br>".join(
        f"`{one.replace(WALK, 'walk').replace(LIMIT, 'limit').removeprefix('tests/')}`"
        for one in tests
    )


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


_HEAD = f"""# Coverage

Generated by `changming coverage` from `tests/coverage.toml`, the packs and the tests; do not edit.
A test compares.

Everything the five regulations say: where the packs hold it, and which test runs it. A place is
found by looking the words up in the loaded pack of the company whose regulation says them; a test
is one that exists. A row without both has a reason beside it, or this page cannot be made.

Regulations: 000 and 001 Xinzheng, 002 Tanghe, 003 Xinyang, 004 Anshun. Tests are named from the
folder `tests/`; two are written short:

- `walk[anshun-P01]` is `{WALK}[anshun-P01]`:
  from the application to an end, through the public doors; over every branch in the first company
  that has that very process, the shortest way in the others
- `limit[anshun-T27]` is `{LIMIT}[anshun-T27]`:
  kept in the last second, late in the next
"""

_TABLE = "| | words | regulation | lives in | run by | beside it |\n|---|---|---|---|---|---|"
