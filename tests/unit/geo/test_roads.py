"""The road import: which ways, which directions, which names, speeds, barriers and restrictions."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.coordinates import distance_m
from geo.roads import AREA_KINDS, LINE_KINDS, POINT_KINDS, ROAD_CLASSES, RoadNetwork, read_osm
from tests.mapdata import Member, Sketch, cities, city

ROAD = {"highway": "residential"}
LINE = {"A": (0.0, 0.0), "B": (100.0, 0.0), "C": (200.0, 0.0)}
CROSS = {**LINE, "N": (100.0, 100.0), "S": (100.0, -100.0)}


def ends(sketch: Sketch, network: RoadNetwork) -> set[tuple[str, str]]:
    """Every arc as (name of its first node, name of its last)."""
    names = list(sketch.nodes)
    return {
        (
            names[int(network.node_osm_id[a]) - 1],
            names[int(network.node_osm_id[b]) - 1],
        )
        for a, b in zip(network.arc_from, network.arc_to, strict=True)
    }


def turns(sketch: Sketch, network: RoadNetwork) -> set[str]:
    """Every forbidden turn as "A B C": from A over B to C."""
    names = list(sketch.nodes)

    def name(node: int) -> str:
        return names[int(network.node_osm_id[node]) - 1]

    return {
        f"{name(network.arc_from[a])} {name(network.arc_to[a])} {name(network.arc_to[b])}"
        for a, b in zip(network.restriction_from_arc, network.restriction_to_arc, strict=True)
    }


def test_a_two_way_street_has_neighbouring_arcs_the_forward_one_first() -> None:
    network = Sketch(LINE, [("A B C", ROAD)]).network()
    assert (network.node_count, network.arc_count) == (2, 2)
    assert network.arc_forward.tolist() == [True, False]
    assert network.arc_from.tolist() == network.arc_to.tolist()[::-1]
    assert network.arc_shape(0).tolist() == network.arc_shape(1).tolist()[::-1]
    assert len(network.arc_shape(0)) == 3
    assert network.arc_length_m == pytest.approx([200.0, 200.0], rel=1e-3)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"oneway": "yes"}, {("A", "C")}),
        ({"oneway": "1"}, {("A", "C")}),
        ({"oneway": "-1"}, {("C", "A")}),
        ({"oneway": "reverse"}, {("C", "A")}),
        ({"oneway": "no"}, {("A", "C"), ("C", "A")}),
        ({"junction": "roundabout"}, {("A", "C")}),
        ({"junction": "circular"}, {("A", "C")}),
        ({"junction": "roundabout", "oneway": "no"}, {("A", "C"), ("C", "A")}),
        ({"highway": "motorway"}, {("A", "C")}),
        ({"highway": "motorway_link"}, {("A", "C"), ("C", "A")}),
        ({"oneway": "yes", "oneway:motor_vehicle": "no"}, {("A", "C"), ("C", "A")}),
    ],
)
def test_one_way_rules(tags: dict[str, str], expected: set[tuple[str, str]]) -> None:
    sketch = Sketch(LINE, [("A B C", ROAD | tags)])
    assert ends(sketch, sketch.network()) == expected


def test_a_backward_one_way_arc_runs_against_its_geometry() -> None:
    sketch = Sketch(LINE, [("A B C", ROAD | {"oneway": "-1"})])
    network = sketch.network()
    assert network.arc_forward.tolist() == [False]
    assert network.arc_shape(0)[0] == pytest.approx([sketch.at("C").lon, sketch.at("C").lat])


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "footway"},
        {"highway": "construction"},
        {"highway": "pedestrian"},
        {"highway": "pedestrian", "access": "yes"},
        {"highway": "service", "area": "yes"},
        {"access": "no"},
        {"motor_vehicle": "no"},
        {"access": "yes", "vehicle": "no"},
        {"motor_vehicle": "agricultural"},
        {"route": "ferry"},
        {"oneway": "reversible"},
    ],
)
def test_what_cannot_be_driven_is_left_out(tags: dict[str, str]) -> None:
    assert Sketch(LINE, [("A B C", ROAD | tags), ("A C", ROAD)]).network().arc_count == 2


@pytest.mark.parametrize(
    "tags",
    [
        {"access": "private"},
        {"access": "no", "motor_vehicle": "yes"},
        {"vehicle": "no", "motorcar": "destination"},
        {"highway": "pedestrian", "motor_vehicle": "delivery"},
        {"highway": "track"},
    ],
)
def test_what_a_repair_crew_may_drive_is_taken(tags: dict[str, str]) -> None:
    assert Sketch(LINE, [("A B C", ROAD | tags)]).network().arc_count == 2


def test_ways_are_cut_at_shared_nodes_only() -> None:
    sketch = Sketch(CROSS, [("A B C", ROAD), ("N B S", ROAD)])
    assert ends(sketch, sketch.network()) == {
        (a, b) for x in "ACNS" for a, b in ((x, "B"), ("B", x))
    }
    footway = Sketch(CROSS, [("A B C", ROAD), ("N B S", {"highway": "footway"})])
    assert footway.network().arc_count == 2


def test_a_way_that_meets_itself_is_cut_there() -> None:
    nodes = {"A": (0.0, 0.0), "B": (100.0, 0.0), "C": (200.0, 100.0), "D": (200.0, -100.0)}
    sketch = Sketch(nodes, [("A B C D B", ROAD)])
    network = sketch.network()
    assert Counter(zip(network.arc_from, network.arc_to, strict=True)).most_common(1)[0][1] == 2
    assert ends(sketch, network) == {("A", "B"), ("B", "A"), ("B", "B")}


def test_repeated_points_and_points_cut_away_by_the_extract() -> None:
    nodes = {**LINE, "D": (300.0, 0.0)}
    sketch = Sketch(nodes, [("A A B gone C D", ROAD), ("A A", ROAD), ("gone A", ROAD)])
    network = sketch.network()
    assert ends(sketch, network) == {("A", "B"), ("B", "A"), ("C", "D"), ("D", "C")}
    assert network.report.ways_cut_at_border == 1


def test_two_nodes_at_one_position_still_make_an_arc_of_some_length() -> None:
    network = Sketch({"A": (0.0, 0.0), "B": (0.0, 0.0)}, [("A B", ROAD)]).network()
    assert (network.arc_length_m > 0).all()


@pytest.mark.parametrize(
    ("tags", "kmh"),
    [
        ({}, 25.0),
        ({"highway": "motorway", "oneway": "no"}, 90.0),
        ({"maxspeed": "50"}, 40.0),
        ({"maxspeed": "50 km/h"}, 40.0),
        ({"maxspeed": "50; 40"}, 32.0),
        ({"maxspeed": "30 mph"}, 38.62),
        ({"maxspeed": "CN:urban"}, 40.0),
        ({"maxspeed": "walk"}, 5.6),
        ({"maxspeed": "signals"}, 25.0),
        ({"maxspeed": "0"}, 25.0),
        ({"maxspeed": "2"}, 4.0),
    ],
)
def test_speeds_by_class_and_by_limit(tags: dict[str, str], kmh: float) -> None:
    network = Sketch(LINE, [("A B C", ROAD | tags)]).network()
    assert network.arc_speed_kmh == pytest.approx([kmh, kmh], abs=0.01)


def test_limits_that_differ_by_direction() -> None:
    tags = ROAD | {"maxspeed": "60", "maxspeed:backward": "30"}
    network = Sketch(LINE, [("A B C", tags)]).network()
    assert network.arc_speed_kmh == pytest.approx([48.0, 24.0])


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"name": "Tashan Street", "name:zh": "塔山街"}, "塔山街"),
        ({"name": "塔山街", "name:en": "Tashan Street", "ref": "X101"}, "塔山街"),
        ({"ref": "G320"}, "G320"),
        ({"name": " 塔山\n街 "}, "塔山 街"),
        ({}, ""),
    ],
)
def test_chinese_names_come_first(tags: dict[str, str], name: str) -> None:
    network = Sketch(LINE, [("A B C", ROAD | tags)]).network()
    assert [network.arc_name(arc) for arc in (0, 1)] == [name, name]


@pytest.mark.parametrize(
    ("tags", "parts"),
    [
        ({"barrier": "bollard"}, 2),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, 1),
        ({"barrier": "gate"}, 1),
        ({"barrier": "gate", "access": "private"}, 1),
        ({"barrier": "gate", "access": "no"}, 2),
        ({"barrier": "entrance"}, 1),
    ],
)
def test_barriers_cut_a_street_or_let_through(tags: dict[str, str], parts: int) -> None:
    network = Sketch(LINE, [("A B C", ROAD)], node_tags={"B": tags}).network()
    reached = np.unique(network.arc_to)
    assert network.node_count == (4 if parts == 2 else 3 if "gate" in tags.values() else 2)
    assert len(reached) == network.node_count
    assert network.report.barriers_blocking == parts - 1


def test_gates_and_signals_cost_time_where_they_stand() -> None:
    sketch = Sketch(
        {**LINE, "D": (300.0, 0.0)},
        [("A B C D", ROAD)],
        node_tags={"B": {"barrier": "lift_gate"}, "C": {"highway": "traffic_signals"}},
    )
    network = sketch.network()
    delay = dict(zip(network.node_osm_id.tolist(), network.node_delay_s.tolist(), strict=True))
    assert {node: delay[sketch.osm_id(node)] for node in "ABCD"} == {
        "A": 0.0,
        "B": 15.0,
        "C": 4.0,
        "D": 0.0,
    }


FOUR_WAYS = [("A B", ROAD), ("B C", ROAD), ("N B", ROAD), ("B S", ROAD)]


def restricted(kind: str, via: str = "B", **more: str) -> Sketch:
    """The crossing with one restriction from A towards N."""
    members: list[Member] = [("from", "w", 1), ("via", "n", via), ("to", "w", 3)]
    return Sketch(
        CROSS,
        FOUR_WAYS,
        relations=[(members, {"type": "restriction", "restriction": kind, **more})],
    )


def test_a_forbidden_turn_and_a_mandatory_one() -> None:
    sketch = restricted("no_left_turn")
    network = sketch.network()
    assert turns(sketch, network) == {"A B N"}
    assert network.report.restrictions_applied == 1
    sketch = restricted("only_left_turn")
    assert turns(sketch, sketch.network()) == {"A B C", "A B S", "A B A"}


def test_a_forbidden_u_turn_on_one_way() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "n", "B"), ("to", "w", 1)]
    tags = {"type": "restriction", "restriction": "no_u_turn"}
    sketch = Sketch(CROSS, FOUR_WAYS, relations=[(members, tags)])
    assert turns(sketch, sketch.network()) == {"A B A"}


@pytest.mark.parametrize(("kind", "turn"), [("no_left_turn", "A B N"), ("no_right_turn", "A B S")])
def test_where_a_way_was_not_cut_at_the_via_the_turns_name_decides(kind: str, turn: str) -> None:
    members: list[Member] = [("from", "w", 1), ("via", "n", "B"), ("to", "w", 2)]
    sketch = Sketch(
        CROSS,
        [("A B", ROAD), ("N B S", ROAD), ("B C", ROAD)],
        relations=[(members, {"type": "restriction", "restriction": kind})],
    )
    assert turns(sketch, sketch.network()) == {turn}


@pytest.mark.parametrize(
    ("tags", "counted"),
    [
        ({"except": "bus;motorcar"}, "restrictions_for_others"),
        ({"type": "restriction:hgv"}, "restrictions_for_others"),
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, "restrictions_not_modelled"),
        ({"restriction": "turn"}, "restrictions_unresolved"),
    ],
)
def test_restrictions_that_are_not_ours_or_not_understood_are_counted(
    tags: dict[str, str], counted: str
) -> None:
    network = restricted("no_left_turn", **tags).network()
    assert len(network.restriction_from_arc) == 0
    assert getattr(network.report, counted) == 1


def test_a_restriction_whose_members_do_not_touch_is_counted_as_unresolved() -> None:
    network = restricted("no_left_turn", via="A").network()
    assert (network.report.restrictions_unresolved, network.report.restrictions_applied) == (1, 0)
    members: list[Member] = [("from", "w", 1), ("to", "w", 3)]
    tags = {"type": "restriction", "restriction": "no_left_turn"}
    network = Sketch(CROSS, FOUR_WAYS, relations=[(members, tags)]).network()
    assert network.report.restrictions_unresolved == 1


DUAL = {
    "A": (0.0, 0.0),
    "B": (100.0, 0.0),
    "C": (200.0, 0.0),
    "D": (0.0, 15.0),
    "E": (100.0, 15.0),
    "F": (200.0, 15.0),
}
ONE_WAY = ROAD | {"oneway": "yes"}
DUAL_WAYS = [("A B", ONE_WAY), ("B C", ONE_WAY), ("F E", ONE_WAY), ("E D", ONE_WAY), ("B E", ROAD)]


@pytest.mark.parametrize(
    ("kind", "paths", "not_modelled"), [("no_u_turn", 1, 0), ("only_u_turn", 0, 1)]
)
def test_restrictions_through_a_via_way(kind: str, paths: int, not_modelled: int) -> None:
    members: list[Member] = [("from", "w", 1), ("via", "w", 5), ("to", "w", 4)]
    tags = {"type": "restriction", "restriction": kind}
    sketch = Sketch(DUAL, DUAL_WAYS, relations=[(members, tags)])
    network = sketch.network()
    assert network.report.restrictions_via_way_applied == paths
    assert network.report.restrictions_not_modelled == not_modelled
    if paths:
        assert network.forbidden_path_arc.tolist() == [
            sketch.arc(network, *pair) for pair in ("AB", "BE", "ED")
        ]


def test_a_via_way_is_driven_even_where_the_to_way_can_be_had_without_it() -> None:
    nodes = {"A": (0.0, 0.0), "B": (100.0, 0.0), "E": (200.0, 50.0), "X": (200.0, -50.0)}
    members: list[Member] = [("from", "w", 1), ("via", "w", 2), ("to", "w", 3)]
    tags = {"type": "restriction", "restriction": "no_right_turn"}
    sketch = Sketch(
        nodes, [("A B", ROAD), ("B E", ROAD), ("E X B", ROAD)], relations=[(members, tags)]
    )
    network = sketch.network()
    path = network.forbidden_path_arc.tolist()
    assert network.arc_way_id[path].tolist() == [1, 2, 3]
    assert len(network.restriction_from_arc) == 0


def test_a_file_that_is_missing_or_not_osm_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_osm(tmp_path / "nowhere.osm.pbf")
    for name in ("broken.osm.pbf", "broken.osm"):
        (tmp_path / name).write_bytes(b"this is no map")
        with pytest.raises(ValueError, match=name):
            read_osm(tmp_path / name)


def test_a_map_without_roads_is_an_empty_network() -> None:
    network = Sketch(LINE, [("A B C", {"waterway": "river"})]).network()
    assert (network.node_count, network.arc_count) == (0, 0)


def test_progress_never_falls_and_ends_at_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    path = Sketch(CROSS, FOUR_WAYS, node_tags={"A": {"place": "village"}}).write(
        tmp_path / "sketch.osm"
    )
    read_osm(path, lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[0] == ("nodes", 0.0)
    assert told[-1] == ("done", 1.0)


def test_map_layers_of_a_sketch() -> None:
    square = {"P": (0.0, 0.0), "Q": (50.0, 0.0), "R": (50.0, 50.0), "T": (0.0, 50.0)}
    sketch = Sketch(
        {**square, "V": (500.0, 0.0), "W": (600.0, 0.0), "X": (700.0, 0.0)},
        [
            ("P Q R T P", {"natural": "water", "name": "西湖"}),
            ("P Q R T P", {"building": "yes"}),
            ("P Q R T P", {"building": "no"}),
            ("V W", {"waterway": "river", "name": "长河"}),
            ("V W", {"railway": "subway"}),
            ("V W", {"railway": "rail", "tunnel": "yes"}),
        ],
        node_tags={
            "V": {"place": "village", "name": "Old", "name:zh": "老村"},
            "X": {"place": "town"},
        },
    )
    _, layers = sketch.read()
    assert [(area.kind, area.name) for area in layers.areas] == [
        ("water", "西湖"),
        ("building", ""),
    ]
    water = shapely.from_wkb(layers.areas[0].wkb)
    assert water.bounds == pytest.approx(
        (*lon_lat_of(sketch, "P"), *lon_lat_of(sketch, "R")), abs=1e-6
    )
    assert [(line.kind, line.name) for line in layers.lines] == [("river", "长河")]
    assert shapely.from_wkb(layers.lines[0].wkb).geom_type == "LineString"
    assert [(point.kind, point.name) for point in layers.points] == [("village", "老村")]


def lon_lat_of(sketch: Sketch, node: str) -> tuple[float, float]:
    """A node's longitude and latitude."""
    place = sketch.at(node)
    return place.lon, place.lat


REAL = cities(
    "porto_portugal", "monaco", "liechtenstein", "shanghai_huangpu_drive", "beijing_haidian"
)


@pytest.mark.parametrize("name", REAL)
def test_a_city_keeps_the_contract_of_a_network(name: str) -> None:
    network, layers = city(name)
    arcs = network.arc_count
    assert arcs > 100
    for column in (network.arc_to, network.arc_length_m, network.arc_speed_kmh):
        assert len(column) == arcs
    assert (network.arc_length_m > 0).all()
    assert (network.arc_speed_kmh >= 4).all()
    assert network.arc_class.max() < len(ROAD_CLASSES)
    assert len(network.shape_offset) == arcs + 1
    assert (np.diff(network.shape_offset) >= 2).all()
    first, last = network.shape_offset[:-1], network.shape_offset[1:] - 1
    assert (network.shape_lon[first] == network.node_lon[network.arc_from]).all()
    assert (network.shape_lat[last] == network.node_lat[network.arc_to]).all()
    straight_m = distance_m(
        network.node_lon[network.arc_from],
        network.node_lat[network.arc_from],
        network.node_lon[network.arc_to],
        network.node_lat[network.arc_to],
    )
    assert (network.arc_length_m > straight_m - 0.1).all()
    assert (
        network.arc_to[network.restriction_from_arc] == network.arc_from[network.restriction_to_arc]
    ).all()
    backward = np.flatnonzero(~network.arc_forward)
    paired = backward[backward > 0]
    paired = paired[network.arc_forward[paired - 1]]
    paired = paired[network.arc_way_id[paired] == network.arc_way_id[paired - 1]]
    assert (network.arc_from[paired] == network.arc_to[paired - 1]).all()
    assert {area.kind for area in layers.areas} <= set(AREA_KINDS)
    assert {line.kind for line in layers.lines} <= set(LINE_KINDS)
    assert {point.kind for point in layers.points} <= set(POINT_KINDS)


@pytest.mark.parametrize("name", REAL)
def test_a_network_survives_being_stored_as_arrays(name: str, tmp_path: Path) -> None:
    network, _ = city(name)
    with (tmp_path / "network.npz").open("wb") as file:
        np.savez(file, **network.to_arrays())  # type: ignore[arg-type]  # savez's stub takes no mapping of arrays
    with np.load(tmp_path / "network.npz", allow_pickle=False) as stored:
        again = RoadNetwork.from_arrays(dict(stored))
    assert again.names == network.names
    assert again.report == network.report
    for column, array in network.to_arrays().items():
        assert np.array_equal(array, again.to_arrays()[column]), column
        assert array.dtype == again.to_arrays()[column].dtype


@pytest.mark.parametrize("name", cities("porto_portugal"))
def test_most_restrictions_of_a_city_are_understood(name: str) -> None:
    network, _ = city(name)
    report = network.report
    assert report.restrictions_applied > 10 * report.restrictions_unresolved
    assert len(network.restriction_from_arc) >= report.restrictions_applied


@pytest.mark.parametrize("name", cities("shanghai_huangpu_drive", "beijing_haidian"))
def test_chinese_cities_have_chinese_names(name: str) -> None:
    network, _ = city(name)
    named = [network.arc_name(arc) for arc in range(network.arc_count)]
    chinese = [text for text in named if any("\u4e00" <= letter <= "\u9fff" for letter in text)]
    assert len(chinese) > 0.25 * network.arc_count
