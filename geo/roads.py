"""Roads: the front door of the import. `read_osm` makes a RoadNetwork and MapLayers of a file.

Belongs here: nothing but the names other rooms use. The work is in roads_read (the file),
roads_tags (what tags mean), roads_split (topology), roads_restrictions (forbidden turns) and
roads_network (the values).
"""

from geo.roads_network import (
    AREA_KINDS,
    LINE_KINDS,
    POINT_KINDS,
    ROAD_CLASSES,
    ImportReport,
    MapArea,
    MapLayers,
    MapLine,
    MapPoint,
    RoadNetwork,
)
from geo.roads_read import read_osm

__all__ = [
    "AREA_KINDS",
    "LINE_KINDS",
    "POINT_KINDS",
    "ROAD_CLASSES",
    "ImportReport",
    "MapArea",
    "MapLayers",
    "MapLine",
    "MapPoint",
    "RoadNetwork",
    "read_osm",
]
