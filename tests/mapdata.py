"""Map data for tests: real cities where they are at hand, the generated town, and sketches.

Belongs here: finding and reading road networks for tests.
Does not belong here: assertions, tables.

Real extracts are looked for in the folder named by CHANGMING_MAP_DATA, by default `../shared/data`
beside the checkout. Where one is absent the generated town stands in for it, so that a test runs
everywhere, only on a smaller city.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from geo.coordinates import LonLat
from geo.graph import RoadGraph
from geo.local_plane import LocalPlane
from geo.roads import MapLayers, RoadNetwork, read_osm
from geo.travel import Travel

TOWN = "generated town"
_ROOT = Path(__file__).resolve().parent.parent


def map_data() -> Path:
    """The folder of real extracts, which may not exist."""
    return Path(os.environ.get("CHANGMING_MAP_DATA") or _ROOT.parent / "shared" / "data")


def cities(*wanted: str) -> list[str]:
    """Those of the `wanted` extracts ("porto_portugal") that are at hand, else the town alone."""
    found = [name for name in wanted if (map_data() / f"{name}.osm.pbf").is_file()]
    return found or [TOWN]


@cache
def city(name: str) -> tuple[RoadNetwork, MapLayers]:
    """A city by one of the names that `cities` gave, imported once for all tests."""
    if name == TOWN:
        from server.drill.town import build_town, write_town

        with tempfile.TemporaryDirectory() as folder:
            write_town(build_town(), Path(folder))
            return read_osm(Path(folder) / "town.osm.pbf")
    return read_osm(map_data() / f"{name}.osm.pbf")


@cache
def graph_of(name: str) -> RoadGraph:
    """The road graph of a city, built once for all tests."""
    return RoadGraph.build(city(name)[0])


@cache
def travel_in(name: str) -> Travel:
    """Travel times in a city, made once for all tests."""
    return Travel(graph_of(name))


Member = tuple[str, str, str | int]
"""Of a relation: role, "n" or "w", node name or way number."""


@dataclass
class Sketch:
    """A few streets drawn in metres, written as an OSM file and imported like any other.

    `nodes`: name → (metres east, metres north); `ways`: (node names in order, tags), numbered
    from 1 in that order; `node_tags` by name; `relations`: (members, tags).
    """

    nodes: Mapping[str, tuple[float, float]]
    ways: Sequence[tuple[str, Mapping[str, str]]]
    node_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    relations: Sequence[tuple[Sequence[Member], Mapping[str, str]]] = ()

    plane = LocalPlane(105.95, 26.25)

    def place(self, east_m: float, north_m: float) -> LonLat:
        """A point of the sketch as WGS-84."""
        lon, lat = self.plane.unproject(np.array([[east_m, north_m]]))[0].tolist()
        return LonLat(lon, lat)

    def at(self, node: str) -> LonLat:
        """A node of the sketch as WGS-84."""
        return self.place(*self.nodes[node])

    def osm_id(self, node: str) -> int:
        """The OSM id that a node gets."""
        return list(self.nodes).index(node) + 1

    def write(self, path: Path) -> Path:
        """The sketch as an OSM XML file."""
        root = ET.Element("osm", version="0.6", generator="sketch")
        for name in self.nodes:
            place = self.at(name)
            node = ET.SubElement(
                root,
                "node",
                id=str(self.osm_id(name)),
                version="1",
                lon=f"{place.lon:.7f}",
                lat=f"{place.lat:.7f}",
            )
            _add_tags(node, self.node_tags.get(name, {}))
        for number, (path_of_nodes, tags) in enumerate(self.ways, start=1):
            way = ET.SubElement(root, "way", id=str(number), version="1")
            for name in path_of_nodes.split():
                # A node that is not drawn stands for one that an extract has cut away.
                ref = self.osm_id(name) if name in self.nodes else 999_999
                ET.SubElement(way, "nd", ref=str(ref))
            _add_tags(way, tags)
        for relation_id, (members, tags) in enumerate(self.relations, start=1):
            relation = ET.SubElement(root, "relation", id=str(relation_id), version="1")
            for role, kind, member in members:
                ET.SubElement(
                    relation,
                    "member",
                    type={"n": "node", "w": "way"}[kind],
                    ref=str(self.osm_id(member) if isinstance(member, str) else member),
                    role=role,
                )
            _add_tags(relation, tags)
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
        return path

    def read(self) -> tuple[RoadNetwork, MapLayers]:
        """The sketch, imported."""
        with tempfile.TemporaryDirectory() as folder:
            return read_osm(self.write(Path(folder) / "sketch.osm"))

    def network(self) -> RoadNetwork:
        """The roads of the sketch."""
        return self.read()[0]

    def travel(self) -> Travel:
        """Travel times on the sketch."""
        return Travel(RoadGraph.build(self.network()))

    def arc(self, network: RoadNetwork, start: str, end: str) -> int:
        """The one arc that runs from one node straight to another."""
        ends = list(
            zip(
                network.node_osm_id[network.arc_from].tolist(),
                network.node_osm_id[network.arc_to].tolist(),
                strict=True,
            )
        )
        wanted = (self.osm_id(start), self.osm_id(end))
        assert ends.count(wanted) == 1, f"{ends.count(wanted)} arcs run from {start} to {end}"
        return ends.index(wanted)


def _add_tags(element: ET.Element, tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        ET.SubElement(element, "tag", k=key, v=value)
