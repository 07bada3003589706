"""Whatever the files of a pack disagree on is found: file, line, key and why."""

from __future__ import annotations

import pytest

from server.policy.checks_papers import ORDER_KINDS
from server.policy.loading import as_texts, problems_in
from server.work.lifecycle import OrderKind
from tests.packs import invented_files

FILES = invented_files()
X01 = "processes/X01.toml"
X02 = "processes/X02.toml"
CASES = "clauses_cases.toml"


def wrong_after(file: str, old: str, new: str) -> list[tuple[str, str, str, int | None]]:
    """What is found once the first `old` of a file is `new`."""
    assert old in FILES[file]
    files = FILES | {file: FILES[file].replace(old, new, 1)}
    return [
        (problem.file.removeprefix("sent/"), problem.key, problem.why, problem.line)
        for problem in problems_in("invented", as_texts(files, "sent"))
    ]


def line_of(file: str, words: str) -> int:
    return FILES[file][: FILES[file].index(words)].count("\n") + 1


CASES_OF_WRONG = [
    # Clauses.
    (CASES, '["CUSTOMER_PAPERS"]', '["MOON"]', "pauses", "no cause is called MOON"),
    (CASES, 'standing = "promise"', 'standing = "law"', "own_promise", "is 'law'"),
    (CASES, 'overridden_by = "X-DRAW"', 'overridden_by = "X-NONE"', "overridden_by", "X-NONE"),
    (
        CASES,
        'standing = "target"\nown_promise = false',
        'standing = "law"\nown_promise = false',
        "standing",
        "only as a target",
    ),
    (CASES, 'name = "contract_date"', 'name = "birthday"', "limit.name", "nothing sets a date"),
    (CASES, 'not_before = "chosen_slot"', 'not_before = "some"', "not_before", "nothing sets"),
    (CASES, 'sum = "whole_days"\n', "", "segments", "segments and sum go together"),
    (CASES, 'what = "registered"', 'what = "registred"', "what", "no step of any process tells"),
    (
        CASES,
        'start = "sheet_issued"',
        'start = "sheet_issued"\nstop_also = ["burnt"]',
        "stop_also",
        "no step of any process tells",
    ),
    (CASES, 'start = "sheet_issued"', 'start = "visited"', "start", "no step of X01 tells"),
    (CASES, '["papers_seen"]', '["seen"]', "start_also", "no step of any process tells"),
    (
        CASES,
        '{ start = "applied", stop = "registered" }',
        '{ start = "applied", stop = "walks" }',
        "segments[0].stop",
        "no step of any process tells",
    ),
    (
        CASES,
        '{ start = "applied", stop = "registered" }',
        '{ start = "applied", stop = "applied" }',
        "segments[0].stop",
        "cannot stop with what starts it",
    ),
    (CASES, 'processes = ["X02"]', 'processes = ["X09"]', "applies.processes", "X09"),
    (CASES, 'customers = ["household"]', 'customers = ["h"]', "applies.customers", "called h"),
    (
        CASES,
        "when = { external_line = false }",
        "when = { outer_line = false }",
        "applies.when.outer_line",
        "no particular",
    ),
    (
        CASES,
        "when = { external_line = false }",
        "when = { external_line = { at_most = 1 } }",
        "applies.when.external_line",
        "is bool",
    ),
    (
        CASES,
        "when = { external_line = false }",
        'when = { flow_m3h = "small" }',
        "applies.when.flow_m3h",
        "give a range",
    ),
    (CASES, 'start = "pushed"', 'start = "applied"', "start", "of a lead"),
    (CASES, "in_force_to = 2026-12-31", "in_force_to = 2025-12-31", "in_force_to", "before"),
    (CASES, "applies = {}", 'applies = { classes = ["P1"] }', "applies.classes", "say nothing"),
    (CASES, 'id = "X-BILL"', 'id = "X-GRACE"', "id", "there twice"),
    (CASES, 'code = "CUSTOMER_CAUSE"', 'code = "SANDSTORM"', "code", "there twice"),
    (
        CASES,
        'limit = { unit = "working_day", value = 2.5 }',
        'limit = { unit = "month", value = 2 }',
        "sum",
        "a stopwatch adds up working days or time by the clock",
    ),
    # An emergency's clauses.
    ("clauses.toml", 'what = "arrived"', 'what = "seen"', "what", "no fact of an incident"),
    ("clauses.toml", 'start = "arrived"', 'start = "seen"', "start", "starts no clock"),
    (
        "clauses.toml",
        'exemptions = ["SANDSTORM"]',
        'pauses = ["SANDSTORM"]',
        "pauses",
        "never pauses",
    ),
    (
        "clauses.toml",
        'limit = { unit = "minute", value = 45 }',
        'limit = { unit = "working_day", value = 1 }',
        "limit.unit",
        "around the clock",
    ),
    (
        "clauses.toml",
        'applies = { classes = ["P0", "P1", "P2"] }',
        "applies = {}",
        "applies.classes",
        "name the classes",
    ),
    # Customers.
    (
        "customers.toml",
        'quote = "其余"',
        'quote = "其余"\nwhen = { scattered = true }',
        "classes[2].when",
        "take everyone",
    ),
    (
        "customers.toml",
        "when = { residential = true }",
        "",
        "classes[0].when",
        "only the last class",
    ),
    (
        "customers.toml",
        "at_most = 35",
        "above = 35, at_most = 35",
        "classes[1].when.flow_m3h",
        "no number is in this range",
    ),
    ("customers.toml", "{ at_most = 35 }", "{}", "classes[1].when.flow_m3h", "bounds nothing"),
    # Papers and the small tables.
    ("roles.toml", 'id = "judge"', 'id = "clerk"', "roles[3].id", "there twice"),
    ("forms.toml", '"keeper"', '"king"', "forms[0].signatures", "no role"),
    ("forms.toml", 'id = "told_once"', 'id = "told_twice"', "", "the template of no form"),
    ("fees.toml", 'frees = ["pipe_work"]', 'frees = ["gold"]', "fees[1].frees", "no charge"),
    ("fees.toml", 'frees = ["pipe_work"]', "", "fees[1].frees", "goes with kind free"),
    ("fees.toml", "max_fen = 1000000", "max_fen = 10", "fees[3].min_fen", "above max_fen"),
    ("hours.toml", "closes = 18:00:00", "closes = 07:00:00", "business.closes", "before it opens"),
    ("hours.toml", 'use = "emergency"', 'use = "counter"', "service", "around the clock"),
    ("orders.toml", "[needs.visit]", "[needs.tea]", "needs.tea", "no kind of planned field work"),
    # The graph.
    (X01, 'start = "register"', 'start = "begin"', "start", "no step is called begin"),
    (X01, 'next = "by_size"', 'next = "size"', "steps[0].next", "no step is called size"),
    (X01, 'next = "consent"', 'next = "walk"', "steps[2].id", "nothing leads to consent"),
    (
        X02,
        'beyond = [{ times = 3, next = "closed" }]',
        'beyond = [{ times = 3, next = "gone" }]',
        "steps[2].branches[0].beyond",
        "no step is called gone",
    ),
    (X01, '\nnext = "walk"\nfields', '\nnext = "rebook"\nfields', "steps[4].id", "for ever"),
    (X01, 'outcome = "completed"', "", "steps[15].outcome", "says how the case ends"),
    (X01, 'order = "survey"', "", "steps[3].order", "name its kind"),
    (X01, 'order = "survey"', 'order = "dismantling"', "steps[3].order", "does not say what"),
    (X01, 'order = "survey"', 'order = "dig"', "steps[3].order", "no kind of planned"),
    (
        X01,
        'fact = "registered"',
        'fact = "registered"\nsupersedable = true',
        "steps[0].supersedable",
        "only a field step",
    ),
    (X01, 'role = "clerk"', 'role = "cook"', "steps[0].role", "no role is called cook"),
    (X01, 'role = "clerk"\n', "", "steps[0].role", "nobody may complete it"),
    (X01, "when = { flow_m3h = { above = 35 } }\n", "", "steps[1].branches[0].when", "only the"),
    (
        X01,
        'answer = "yes"',
        'answer = "yes"\nwhen = { scattered = true }',
        "steps[6].branches[0].when",
        "a person decides",
    ),
    (X01, 'answer = "later"', 'answer = "no"', "steps[6].branches[2].answer", "there twice"),
    (X01, 'pause = "CUSTOMER_PAPERS"', 'pause = "RAIN"', "steps[5].pause", "no cause"),
    (X01, 'papers = ["id_card"', 'papers = ["badge"', "papers", "no document"),
    (X01, 'forms = ["sheet"]', 'forms = ["sheets"]', "steps[9].forms", "no form"),
    (X01, 'forms = ["told_once"]', 'forms = ["x"]', "steps[6].branches[1].forms", "no form"),
    (X01, 'fees = ["pipe_work"', 'fees = ["pipe"', "steps[8].fees", "no fee rule"),
    (X01, '"supervision"]', '"neighbour"]', "steps[11].signatories", "no role"),
    (
        X01,
        'needs_facts = ["contract_signed", ',
        'needs_facts = ["contract_burnt", ',
        "steps[13].needs_facts",
        "no step tells",
    ),
    (
        X01,
        'needs_facts = ["contract_signed", ',
        'needs_facts = ["gas_on", ',
        "steps[13].needs_facts",
        "can be reached before gas_on",
    ),
    (
        X01,
        'next = "consent"\nwhen',
        'next = "light"\nwhen',
        "steps[13].needs_facts",
        "can be reached before contract_signed",
    ),
    (X01, 'sets = "flow_m3h"', 'sets = "scattered"', "steps[0].fields[0].sets", "is bool"),
    (X01, 'sets = "flow_m3h"', 'sets = "size"', "steps[0].fields[0].sets", "no particular"),
    (
        X01,
        'type = "number", unit = "m³/h", at_least = 0',
        'type = "bool", at_least = 0',
        "steps[0].fields[0].type",
        "only numbers have bounds",
    ),
    (
        X01,
        'type = "date", sets_date',
        'type = "text", sets_date',
        "steps[8].fields[0].sets_date",
        "only a date",
    ),
    (X02, 'answer = "not_ready"', 'answer = "tired"', "steps[2].branches[0].answer", "no crew"),
    (X02, 'answer = "not_ready"', 'answer = "no_one_home"', "steps[2].branches", "not_ready"),
    (X01, 'answer = "failed"', 'answer = "no_one_home"', "steps[11].branches", "failed"),
    (X01, 'answer = "denied"', 'answer = "done"', "steps[2].branches[0].answer", "next is for"),
    (X02, 'id = "X02"', 'id = "X03"', "id", "must be the file's name"),
]


@pytest.mark.parametrize(("file", "old", "new", "key", "why"), CASES_OF_WRONG)
def test_it_is_found_and_named(file: str, old: str, new: str, key: str, why: str) -> None:
    found = wrong_after(file, old, new)
    assert found, "nothing was found"
    assert any(
        (there == file or not key) and at.endswith(key) and why in said
        for there, at, said, _ in found
    ), found
    assert all(line is not None for _, at, _, line in found if at), found


def test_the_line_is_the_one_to_change() -> None:
    found = wrong_after(CASES, 'name = "contract_date"', 'name = "birthday"')
    assert [line for *_, line in found] == [line_of(CASES, 'name = "contract_date"')]
    found = wrong_after(X01, 'pause = "CUSTOMER_PAPERS"', 'pause = "RAIN"')
    assert [line for *_, line in found] == [line_of(X01, 'pause = "CUSTOMER_PAPERS"')]


def test_a_step_that_reaches_no_end_is_named() -> None:
    found = wrong_after(X02, 'kind = "end"', 'kind = "wait"')
    assert any("no step is an end" in why for _, _, why, _ in found), found


def test_everything_wrong_is_told_at_once() -> None:
    files = dict(FILES)
    files["roles.toml"] = files["roles.toml"].replace('id = "judge"', 'id = "clerk"')
    files["fees.toml"] = files["fees.toml"].replace('frees = ["pipe_work"]', 'frees = ["gold"]')
    files["hours.toml"] = files["hours.toml"].replace('use = "emergency"', 'use = "counter"')
    found = {problem.file for problem in problems_in("invented", as_texts(files, "sent"))}
    assert found == {"sent/roles.toml", "sent/fees.toml", "sent/hours.toml"}


def test_a_file_nobody_reads_is_refused() -> None:
    """A misspelt file would otherwise be silently left out."""
    files = FILES | {"clauses_case.toml": "clauses = []"}
    problems = problems_in("invented", as_texts(files, "sent"))
    assert [problem.file for problem in problems] == ["sent/clauses_case.toml"]


def test_every_form_has_a_template_that_can_be_read() -> None:
    files = {name: text for name, text in FILES.items() if name != "forms/certificate.html"}
    (problem,) = problems_in("invented", as_texts(files, "sent"))
    assert problem.key == "forms[2].id"
    assert "has no template" in problem.why
    files = FILES | {"forms/sheet.html": "<h1>\n{% if %}\n</h1>"}
    (problem,) = problems_in("invented", as_texts(files, "sent"))
    assert (problem.file, problem.line) == ("sent/forms/sheet.html", 2)


def test_planned_field_work_is_every_kind_but_the_response_to_a_leak() -> None:
    assert {kind.value for kind in OrderKind} - {"leak_response"} == set(ORDER_KINDS)
