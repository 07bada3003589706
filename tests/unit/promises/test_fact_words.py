"""Facts and dates in words: no explanation shows a code of ours."""

from __future__ import annotations

import pytest

from server.policy.loading import load_pack, shipped_packs
from server.policy.wire import Clause
from server.promises.rules_fact_words import (
    DATE_WORDS,
    FACT_WORDS,
    date_words,
    fact_words,
    names_of_facts,
)


def facts_in(clause: Clause) -> set[str]:
    stages = {one for stage in clause.segments for one in (stage.start, stage.stop)}
    named = {clause.start, clause.what, *clause.start_also, *clause.stop_also}
    return {str(one) for one in stages | named}


@pytest.mark.parametrize("name", shipped_packs())
def test_every_fact_and_date_of_a_shipped_clause_has_words(name: str) -> None:
    for clause in load_pack(name).clauses:
        assert facts_in(clause) <= set(FACT_WORDS), clause.id
        dates = {clause.not_before, getattr(clause.limit, "name", None)} - {None}
        assert dates <= set(DATE_WORDS), clause.id


def test_a_fact_one_step_tells_goes_by_the_steps_name() -> None:
    [process] = [one for one in load_pack("anshun").processes if one.id == "P16"]
    step = process.step("apply")
    assert step.fact == "registered"
    names = names_of_facts(process)
    assert fact_words("registered", names) == (step.zh, step.en)
    assert fact_words("gas_on", names) == FACT_WORDS["gas_on"]
    assert fact_words("registered", names_of_facts(None)) == ("受理登记", "registration")


def test_a_packs_own_fact_and_date_go_by_their_codes() -> None:
    assert fact_words("painted_blue", FACT_WORDS) == ("painted_blue", "painted_blue")
    assert date_words("full_moon") == ("full_moon", "full_moon")
