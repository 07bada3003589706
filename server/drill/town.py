"""The invented town 长明市, whole: built from a seed and written as map data.

`build_town` puts the parts together (streets, network, ground, houses, people); `write_town` writes
an OSM file, zones and the company's papers, so that the town passes through the same imports as a
real city. No clock, no network, no database.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from server.drill.town_blocks import compound_lanes, cut_blocks, frame, river
from server.drill.town_buildings import Building, build_houses
from server.drill.town_ground import Ground, lay_ground
from server.drill.town_names import NameStock
from server.drill.town_network import Streets, join
from server.drill.town_papers import Papers, draw_up
from server.drill.town_plan import FIXED_NAMES
from server.drill.town_streets import Draft, draft_streets
from server.drill.town_writing import write_files


@dataclass(frozen=True, slots=True)
class Town:
    """The built town; places in metres from its centre."""

    seed: int
    streets: Streets
    ground: Ground
    buildings: list[Building]
    papers: Papers


def build_town(seed: int = 7) -> Town:
    """Build the town. The same seed gives the same town, down to the last house number."""
    names = NameStock(random.Random(f"{seed}/names"), set(FIXED_NAMES))
    drafts = draft_streets(random.Random(f"{seed}/streets"), names)
    # The lanes inside compounds need the blocks, and the blocks need joined streets.
    first = join(drafts, frame(), river(), random.Random(f"{seed}/turns"))
    blocks = cut_blocks(random.Random(f"{seed}/blocks"), names, first)
    drafts += [Draft(points, "service") for points in compound_lanes(blocks)]
    streets = join(drafts, frame(), river(), random.Random(f"{seed}/turns"))
    ground = lay_ground(random.Random(f"{seed}/ground"), streets, blocks)
    buildings = build_houses(random.Random(f"{seed}/houses"), streets, ground)
    papers = draw_up(random.Random(f"{seed}/papers"), buildings)
    return Town(seed, streets, ground, buildings, papers)


def write_town(town: Town, folder: Path) -> None:
    """Write town.osm.pbf, zones.geojson and town.json into `folder`, made if missing.

    The same town gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, town.streets, town.ground, town.buildings, town.papers)
