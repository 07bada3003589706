"""Packs load whole, and a wrong one is refused with its file and key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from server.policy.checks_papers import ORDER_KINDS
from server.policy.loading import PACKS_FOLDER, PackError, load_pack, problems_of, shipped_packs
from server.policy.rules import clauses_for
from server.policy.wire import Area, IncidentClass, Minutes, StartFact, Unlimited, What

RADIUS = 'radius_m = { value = 100, source = "domain.md §2.6: scene radius 100 m" }'
LAST_CLASS = '[required.P4]\nskills = []\nkit = []\nmin_staff = 1\nsource = "project default"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped packs that a test may spoil."""
    shutil.copytree(PACKS_FOLDER, tmp_path / "packs")
    return tmp_path / "packs"


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_shipped_pack_loads() -> None:
    assert {"anshun", "default"} <= set(shipped_packs())
    assert {name: problems_of(name) for name in shipped_packs()} == {
        name: [] for name in shipped_packs()
    }


@pytest.mark.parametrize("name", shipped_packs())
def test_a_pack_says_what_every_kind_of_a_cases_work_needs(name: str) -> None:
    assert set(load_pack(name).order_needs) == ORDER_KINDS


@pytest.mark.parametrize(
    ("area", "clause_id", "minutes"), [(Area.URBAN, "T34", 30), (Area.SUBURBAN, "T35", 60)]
)
@pytest.mark.parametrize("class_", ["P0", "P1", "P2"])
def test_anshun_promises_arrival_as_its_text_says(
    area: Area, clause_id: str, minutes: int, class_: str
) -> None:
    pack = load_pack("anshun")
    arrival = [
        clause
        for clause in clauses_for(pack, IncidentClass(class_), area)
        if clause.what == What.ARRIVED
    ]
    assert [clause.id for clause in arrival] == [clause_id]
    assert arrival[0].limit == Minutes(minutes)
    assert arrival[0].own_promise
    assert "市区 30 钟内、郊区 60 分钟内到达现场" in arrival[0].quote
    assert set(arrival[0].exemptions) >= {"TRAFFIC", "ROAD_CLOSED", "NATURAL_DISASTER"}


def test_immediately_is_a_promise_without_a_figure() -> None:
    clause = load_pack("anshun").clause("T36")
    assert clause is not None
    assert clause.limit == Unlimited()


def test_the_default_pack_promises_nothing_in_the_companys_name() -> None:
    pack = load_pack("default")
    assert pack.clauses
    assert not any(clause.own_promise for clause in pack.clauses)


def test_clauses_are_chosen_by_the_fact_that_starts_them() -> None:
    pack = load_pack("anshun")
    chosen = clauses_for(pack, IncidentClass.P1, Area.URBAN, StartFact.DISPATCHED)
    assert [clause.id for clause in chosen] == ["A-ACKNOWLEDGE"]


def test_a_pack_takes_the_files_it_lacks_from_the_pack_it_extends(folder: Path) -> None:
    anshun, default = load_pack("anshun", folder), load_pack("default", folder)
    assert anshun.class_rules == default.class_rules
    assert anshun.clauses != default.clauses


def test_a_made_up_company_needs_only_toml(folder: Path) -> None:
    (folder / "qingshan").mkdir()
    (folder / "qingshan" / "pack.toml").write_text(
        'name = "qingshan"\nedition = "1"\nzh = "青山"\nen = "Qingshan"\n'
        'source = "made up"\nextends = "anshun"\n',
        encoding="utf-8",
    )
    text = (folder / "anshun" / "clauses.toml").read_text(encoding="utf-8")
    (folder / "qingshan" / "clauses.toml").write_text(
        text.replace("value = 30 }", "value = 20 }"), encoding="utf-8"
    )
    clause = load_pack("qingshan", folder).clause("T34")
    assert clause is not None
    assert clause.limit == Minutes(20)


def test_the_version_changes_with_any_byte(folder: Path) -> None:
    before = load_pack("anshun", folder).version
    spoil(folder, "default/dispatch.toml", "value = 100", "value = 120")
    load_pack.cache_clear()
    after = load_pack("anshun", folder)
    assert after.version != before
    assert after.scene_radius_m == 120


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "key"),
    [
        (
            "anshun/clauses.toml",
            "value = 30",
            "value = -30",
            "anshun/clauses.toml",
            "clauses[0].limit.value",
        ),
        (
            "anshun/clauses.toml",
            '"minute"',
            '"moment"',
            "anshun/clauses.toml",
            "clauses[0].limit.unit",
        ),
        (
            "anshun/clauses.toml",
            'id = "T34"',
            'id = "T34"\nurgent = true',
            "anshun/clauses.toml",
            "clauses[0]",
        ),
        ("anshun/clauses.toml", 'id = "T35"', 'id = "T34"', "anshun/clauses.toml", "clauses[1].id"),
        (
            "anshun/clauses.toml",
            '["TRAFFIC"',
            '["FOG"',
            "anshun/clauses.toml",
            "clauses[0].exemptions",
        ),
        (
            "anshun/clauses.toml",
            "[50, 80]",
            "[80, 50]",
            "anshun/clauses.toml",
            "clauses[0].warn_at_percent",
        ),
        (
            "anshun/clauses.toml",
            'start = "alarm_received"',
            'start = "arrived"',
            "anshun/clauses.toml",
            "clauses[0].start",
        ),
        ("anshun/pack.toml", '"default"', '"absent"', "absent/pack.toml", ""),
        ("anshun/pack.toml", '"default"', '"anshun"', "anshun/pack.toml", "extends"),
        ("anshun/pack.toml", 'name = "anshun"', 'name = "other"', "anshun/pack.toml", "name"),
        ("default/pack.toml", 'edition = "2026-11"\n', "", "default/pack.toml", "(top level)"),
        ("default/classes.toml", '"fire"', '"flames"', "default/classes.toml", "rules[0].any_of"),
        (
            "default/classes.toml",
            'kinds = ["business"]',
            'kinds = ["business"]\nall_of = ["smell"]',
            "default/classes.toml",
            "rules",
        ),
        (
            "default/classes.toml",
            'id = "leak"',
            'id = "life-or-fire"',
            "default/classes.toml",
            "rules[2].id",
        ),
        (
            "default/safety_script.toml",
            'key = "no_switches"',
            'key = "no_flame"',
            "default/safety_script.toml",
            "steps[2].key",
        ),
        (
            "default/safety_script.toml",
            '"explosion"',
            '"boom"',
            "default/safety_script.toml",
            "steps[3].unless_facts",
        ),
        (
            "default/dispatch.toml",
            ', source = "domain.md §2.6: scene radius 100 m" }',
            " }",
            "default/dispatch.toml",
            "scene.radius_m",
        ),
        (
            "default/dispatch.toml",
            RADIUS,
            "radius_m = 100",
            "default/dispatch.toml",
            "scene.radius_m",
        ),
        ("default/dispatch.toml", "[required.P3]", "[required.P4]", "default/dispatch.toml", ""),
        ("default/dispatch.toml", LAST_CLASS, "", "default/dispatch.toml", "required.P4"),
        (
            "default/dispatch.toml",
            'value = 300, source = "domain.md §2.3',
            'value = "soon", source = "domain.md §2.3',
            "default/dispatch.toml",
            "fix_stale_s",
        ),
        ("default/classes.toml", "[[rules]]", "[[rules", "default/classes.toml", ""),
    ],
)
def test_what_is_wrong_is_refused_by_file_and_key(
    folder: Path, file: str, old: str, new: str, where: str, key: str
) -> None:
    spoil(folder, file, old, new)
    with pytest.raises(PackError) as refusal:
        load_pack("anshun", folder) if file.startswith("anshun") else load_pack("default", folder)
    assert refusal.value.file == where
    assert refusal.value.key == key
    assert where in str(refusal.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "default" / "classes.toml").unlink()
    with pytest.raises(PackError, match=r"default/classes\.toml: is missing"):
        load_pack("default", folder)


def test_every_number_of_dispatch_has_a_source() -> None:
    pack = load_pack("default")
    assert {"ladder.offer_expires_s", "timing.fix_stale_s", "mobilisation.available"} <= set(
        pack.sources
    )
    assert all(pack.sources.values())


def with_processes(folder: Path, ids: str, without: str) -> None:
    """An heir of `default` that leaves out `without`."""
    heir = folder / "heir"
    heir.mkdir()
    (heir / "pack.toml").write_text(
        f'name = "heir"\nedition = "1"\nzh = "承"\nen = "Heir"\nsource = "test"\n'
        f'extends = "{ids}"\nwithout = ["{without}"]\n',
        encoding="utf-8",
    )


def test_an_heir_may_leave_out_a_process(folder: Path) -> None:
    with_processes(folder, "xinzheng", "P05")
    assert "P05" in {process.id for process in load_pack("xinzheng", folder).processes}
    assert "P05" not in {process.id for process in load_pack("heir", folder).processes}


def test_an_heir_cannot_leave_out_what_it_does_not_inherit(folder: Path) -> None:
    with_processes(folder, "xinzheng", "P99")
    with pytest.raises(PackError, match=r"heir/pack\.toml:7: without\[0\]: inherits no P99"):
        load_pack("heir", folder)
