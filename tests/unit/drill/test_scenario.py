"""The scenario: the same seed plays the same calls, and every call makes sense."""

from __future__ import annotations

from itertools import islice

import pytest

from server.drill.scenario import MEAN_GAP_S, Intensity, PlannedCall, plan_calls
from server.drill.scripts import SCRIPTS, Script, script_behind
from server.drill.town_papers import Premises, premises_kind
from server.policy.loading import load_pack
from server.policy.rules import classify
from server.policy.wire import FACT_NAMES, CallKind, Facts

PLACES = [
    Premises(
        code=f"T{number}",
        address=address,
        lon=105.95,
        lat=26.25,
        kind=premises_kind(address),
        customer_name="张三",
        customer_phone=f"199000000{number:02d}",
        meter_no=f"M{number}",
    )
    for number, address in enumerate(
        (
            "锦绣花园3栋2单元501室",
            "明德路88号锦绣花园3栋2单元502室",
            "钟鼓楼巷12号",
            "人民路128号老长明牛肉粉",
            "石门村7号",
        )
    )
]


def calls(seed: int, intensity: Intensity, count: int) -> list[PlannedCall]:
    return list(islice(plan_calls(seed, PLACES, intensity), count))


def test_addresses_tell_what_kind_of_place_it_is() -> None:
    assert [place.kind for place in PLACES] == ["flat", "flat", "house", "shop", "farmhouse"]


@pytest.mark.parametrize("intensity", Intensity)
def test_the_same_seed_gives_the_same_calls_and_another_gives_others(intensity: Intensity) -> None:
    assert calls(3, intensity, 200) == calls(3, intensity, 200)
    assert calls(3, intensity, 20) != calls(4, intensity, 20)


def test_calls_come_as_often_as_the_intensity_says() -> None:
    means = {}
    for intensity in Intensity:
        planned = calls(1, intensity, 1_000)[3:]
        means[intensity] = sum(call.gap_s for call in planned) / len(planned)
        assert all(call.gap_s > 0 for call in planned)
    assert means[Intensity.CALM] == pytest.approx(MEAN_GAP_S[Intensity.CALM], rel=0.15)
    assert means[Intensity.NORMAL] == pytest.approx(MEAN_GAP_S[Intensity.NORMAL], rel=0.15)
    assert means[Intensity.STORM] < MEAN_GAP_S[Intensity.STORM]


def test_the_first_call_comes_at_once() -> None:
    for intensity in Intensity:
        assert calls(1, intensity, 1)[0].gap_s < 15


def test_every_call_fits_its_place() -> None:
    planned = calls(2, Intensity.NORMAL, 2_000)
    assert {call.script.key for call in planned} == {script.key for script in SCRIPTS}
    for call in planned:
        assert call.premises.kind in call.script.places
        assert call.premises.address in call.words
        assert script_behind(call.words) is call.script
        if call.second is not None:
            assert call.premises.address in call.second.words
    assert any(call.second for call in planned)
    assert any(call.hangs_up for call in planned)


def test_words_that_no_script_has_are_taken_for_an_indoor_leak() -> None:
    assert script_behind("有点不对劲").key == "indoor_smell"
    assert script_behind("").key == "indoor_smell"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.key)
def test_the_rules_put_each_script_into_the_class_it_stands_for(script: Script) -> None:
    assert script.facts <= FACT_NAMES
    facts = Facts(**dict.fromkeys(script.facts, True))
    class_, _ = classify(load_pack("default"), facts, CallKind(script.kind))
    expected = {"dug_up": "P0", "fire": "P0", "poisoning": "P0", "controlled": "P2", "no_gas": "P3"}
    assert class_.value == expected.get(script.key, "P1")
