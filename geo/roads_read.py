"""Reading an OSM file once, for roads and for what is drawn beneath them.

Belongs here: the one pass with pyosmium and what it gathers.
Does not belong here: what tags mean (roads_tags), how ways are cut (roads_split).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import osmium
from osmium.filter import KeyFilter
from osmium.geom import WKBFactory

from geo.roads_network import (
    ImportReport,
    MapArea,
    MapLayers,
    MapLine,
    MapPoint,
    RoadNetwork,
)
from geo.roads_restrictions import Relation, resolve
from geo.roads_split import RawWays, split
from geo.roads_tags import (
    AREA_KEYS,
    CLASS_INDEX,
    LINE_KEYS,
    Barrier,
    Direction,
    area_kind,
    barrier_at,
    direction,
    line_kind,
    may_enter,
    name_of,
    point_kind,
    road_class,
    speed_kmh,
)

Progress = Callable[[str, float], None]

_OUR_RESTRICTIONS = ("restriction", "restriction:motorcar", "restriction:motor_vehicle")
_OUR_EXCEPTIONS = frozenset({"motorcar", "motor_vehicle", "emergency"})


@dataclass
class _Gathered:
    """What the one pass over the file fills."""

    ways: RawWays = field(default_factory=RawWays)
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    barriers: dict[int, Barrier] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    areas: list[MapArea] = field(default_factory=list)
    lines: list[MapLine] = field(default_factory=list)
    points: list[MapPoint] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def read_osm(path: str | Path, progress: Progress | None = None) -> tuple[RoadNetwork, MapLayers]:
    """Import an OpenStreetMap file (.osm.pbf, .osm, .osm.gz, .osm.bz2; WGS-84).

    `progress` is called with a stage ("nodes", "ways", "areas", "split", "restrictions", "done")
    and the share of the whole work done, 0 to 1, never falling.
    What could not be modelled is counted in `RoadNetwork.report`.
    Raises FileNotFoundError for a missing file, ValueError for one that is not OSM data.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    tell: Progress = progress or (lambda stage, share: None)
    gathered = _Gathered()
    try:
        _read(path, gathered, tell)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path.name}: not readable as OpenStreetMap data: {error}") from error
    tell("split", 0.75)
    via_nodes = {node for relation in gathered.relations for node in relation.via_nodes}
    topology = split(gathered.ways, gathered.barriers, via_nodes)
    tell("restrictions", 0.92)
    restrictions = resolve(topology, gathered.relations)
    network = RoadNetwork(
        **vars(topology),
        restriction_from_arc=restrictions.from_arc,
        restriction_to_arc=restrictions.to_arc,
        forbidden_path_offset=restrictions.path_offset,
        forbidden_path_arc=restrictions.path_arc,
        names=tuple(gathered.names),
        report=ImportReport(
            restrictions_applied=restrictions.applied,
            restrictions_via_way_applied=restrictions.via_way_applied,
            restrictions_unresolved=restrictions.unresolved
            + gathered.counts.pop("restrictions_unresolved", 0),
            restrictions_not_modelled=restrictions.not_modelled
            + gathered.counts.pop("restrictions_not_modelled", 0),
            **_barrier_counts(gathered, set(topology.node_osm_id.tolist())),
            **gathered.counts,
        ),
    )
    tell("done", 1.0)
    layers = MapLayers(tuple(gathered.areas), tuple(gathered.lines), tuple(gathered.points))
    return network, layers


def _barrier_counts(gathered: _Gathered, on_roads: set[int]) -> dict[str, int]:
    kinds = [kind for osm_id, kind in gathered.barriers.items() if osm_id in on_roads]
    return {
        "barriers_blocking": kinds.count(Barrier.BLOCKING),
        "gates": kinds.count(Barrier.GATE) + kinds.count(Barrier.TOLL),
        "signals": kinds.count(Barrier.SIGNAL),
    }


def _read(path: Path, gathered: _Gathered, tell: Progress) -> None:
    objects = (
        osmium.FileProcessor(str(path))
        .with_locations()
        .with_areas(KeyFilter(*AREA_KEYS))
        .with_filter(KeyFilter("highway", "barrier", "place", "type", *AREA_KEYS, *LINE_KEYS))
    )
    wkb = WKBFactory()
    stage = ""
    for entity in objects:
        if isinstance(entity, osmium.osm.Node):
            if stage == "":
                stage = "nodes"
                tell(stage, 0.0)
            _take_node(entity, gathered)
        elif isinstance(entity, osmium.osm.Way):
            if stage in ("", "nodes"):
                stage = "ways"
                tell(stage, 0.2)
            _take_way(entity, gathered, wkb)
        elif isinstance(entity, osmium.osm.Area):
            _take_area(entity, gathered, wkb)
        elif isinstance(entity, osmium.osm.Relation):
            if stage != "areas":
                stage = "areas"
                tell(stage, 0.6)
            _take_relation(entity, gathered)


def _take_node(node: osmium.osm.Node, gathered: _Gathered) -> None:
    tags = node.tags
    barrier = barrier_at(tags)
    if barrier is not None:
        gathered.barriers[node.id] = barrier
    kind = point_kind(tags)
    name = name_of(tags) if kind else ""
    if kind and name and node.location.valid():
        gathered.points.append(MapPoint(kind, name, node.lon, node.lat))


def _take_way(way: osmium.osm.Way, gathered: _Gathered, wkb: WKBFactory) -> None:
    tags = way.tags
    highway = road_class(tags)
    if highway is not None:
        _take_road(way, highway, gathered)
        return
    kind = line_kind(tags)
    if kind is None:
        return
    try:
        line = bytes.fromhex(wkb.create_linestring(way))
    except (RuntimeError, ValueError):
        gathered.count("areas_broken")
        return
    gathered.lines.append(MapLine(kind, name_of(tags), line))


def _take_road(way: osmium.osm.Way, highway: str, gathered: _Gathered) -> None:
    tags = way.tags
    if not may_enter(tags):
        gathered.count("ways_no_access")
        return
    driven = direction(tags)
    if driven is Direction.REVERSIBLE:
        gathered.count("ways_reversible")
        return
    name_index = gathered.names.setdefault(name_of(tags), len(gathered.names))
    speeds = speed_kmh(tags, highway)
    taken = False
    stretches = list(_stretches(way))
    for points in stretches:
        taken |= gathered.ways.append(
            way.id, CLASS_INDEX[highway], driven, speeds, name_index, points
        )
    if taken:
        gathered.count("ways_drivable")
    if len(stretches) > 1:
        gathered.count("ways_cut_at_border")


def _stretches(way: osmium.osm.Way) -> Iterator[list[tuple[int, float, float]]]:
    """The way's points in unbroken runs; a point the extract does not hold breaks the run."""
    run: list[tuple[int, float, float]] = []
    for node in way.nodes:
        location = node.location
        if location.valid():
            run.append((node.ref, location.lon, location.lat))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _take_area(area: osmium.osm.Area, gathered: _Gathered, wkb: WKBFactory) -> None:
    kind = area_kind(area.tags)
    if kind is None:
        return
    try:
        polygon = bytes.fromhex(wkb.create_multipolygon(area))
    except (RuntimeError, ValueError):
        gathered.count("areas_broken")
        return
    gathered.areas.append(MapArea(kind, name_of(area.tags), polygon))


def _take_relation(relation: osmium.osm.Relation, gathered: _Gathered) -> None:
    tags = relation.tags
    kind_of = tags.get("type") or ""
    if not kind_of.startswith("restriction"):
        return
    if tags.get("restriction:conditional"):
        gathered.count("restrictions_not_modelled")
        return
    kind = tags.get("restriction:motorcar") or tags.get("restriction") or ""
    exceptions = {word.strip() for word in (tags.get("except") or "").split(";")}
    if kind_of not in _OUR_RESTRICTIONS or exceptions & _OUR_EXCEPTIONS:
        gathered.count("restrictions_for_others")
        return
    members = [(m.role, m.type, m.ref) for m in relation.members]

    def of(role: str, letter: str) -> tuple[int, ...]:
        return tuple(ref for r, t, ref in members if r == role and t == letter)

    found = Relation(kind, of("from", "w"), of("via", "n"), of("via", "w"), of("to", "w"))
    whole = found.from_ways and found.to_ways and (found.via_nodes or found.via_ways)
    if not whole or not kind.startswith(("no_", "only_")):
        gathered.count("restrictions_unresolved")
        return
    gathered.relations.append(found)
