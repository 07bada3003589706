"""Two streets that cross, a way round, a river, a lake, a house and a village: the smallest map.

Belongs here: the sketch that tests of rooms import where a real city would only be slower.
"""

from __future__ import annotations

from pathlib import Path

from tests.mapdata import Sketch

CROSSROADS = Sketch(
    nodes={
        "west": (-1000, 0),
        "middle": (0, 0),
        "east": (1000, 0),
        "north": (0, 1000),
        "south": (0, -1000),
        "round": (1000, 1000),
        "upstream": (-900, -500),
        "downstream": (900, -500),
        "lake1": (-800, 300),
        "lake2": (-500, 300),
        "lake3": (-500, 600),
        "lake4": (-800, 600),
        "house1": (50, 50),
        "house2": (70, 50),
        "house3": (70, 70),
        "house4": (50, 70),
        "village": (500, -800),
    },
    ways=[
        ("west middle", {"highway": "primary", "name": "长安路"}),
        ("middle east", {"highway": "primary", "name": "长安路"}),
        ("south middle north", {"highway": "residential", "name": "河滨街"}),
        ("north round east", {"highway": "residential", "name": "环城路", "oneway": "yes"}),
        ("upstream downstream", {"waterway": "river", "name": "明河"}),
        ("lake1 lake2 lake3 lake4 lake1", {"natural": "water", "name": "东湖"}),
        ("house1 house2 house3 house4 house1", {"building": "yes"}),
    ],
    node_tags={"village": {"place": "village", "name": "下寨"}},
)


def write_crossroads(folder: Path) -> Path:
    """The map as an OSM file."""
    return CROSSROADS.write(folder / "crossroads.osm")
