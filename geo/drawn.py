"""What an import draws: roads, water, areas and labels as features ready for tiles.

Here: turning a RoadNetwork and MapLayers into drawable features in EPSG:3857. Not here: cutting
tiles (geo.tiles), storing features (server/network).

The graph has an arc per driving direction and piece between junctions; drawn like that, a street
would be hundreds of pieces too short to carry their name. So each street's pieces are joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.coordinates import Floats
from geo.roads import ROAD_CLASSES, MapLayers, RoadNetwork
from geo.tiles import first_zoom, to_mercator


class DrawnFeature(NamedTuple):
    """One feature of the map; `ewkb` is EPSG:3857 with its SRID."""

    layer: str
    class_: str
    kind: str
    name: str
    oneway: bool
    first_zoom: int
    ewkb: bytes


def drawn_features(network: RoadNetwork, layers: MapLayers) -> Iterator[DrawnFeature]:
    """Every feature of an import, in a fixed order: their numbers in this order are their ids."""
    yield from _drawn_areas(layers)
    yield from _drawn_lines(layers)
    yield from _drawn_roads(network)
    yield from _drawn_labels(layers)


def _drawn_areas(layers: MapLayers) -> Iterator[DrawnFeature]:
    shapes = _from_wkb([area.wkb for area in layers.areas])
    for area, shape, ewkb in zip(layers.areas, shapes, _to_ewkb(shapes), strict=True):
        layer = "buildings" if area.kind == "building" else "areas"
        zoom = first_zoom(layer, area.kind, shape.area)
        yield DrawnFeature(layer, area.kind, area.kind, area.name, False, zoom, ewkb)


def _drawn_lines(layers: MapLayers) -> Iterator[DrawnFeature]:
    shapes = _from_wkb([line.wkb for line in layers.lines])
    for line, ewkb in zip(layers.lines, _to_ewkb(shapes), strict=True):
        # Rails cross roads and are drawn among them, bridges and all.
        layer = "roads" if line.kind == "rail" else "water_lines"
        zoom = first_zoom(layer, line.kind)
        yield DrawnFeature(layer, line.kind, line.kind, line.name, False, zoom, ewkb)


def _drawn_labels(layers: MapLayers) -> Iterator[DrawnFeature]:
    x, y = to_mercator(
        np.array([point.lon for point in layers.points], dtype=np.float64),
        np.array([point.lat for point in layers.points], dtype=np.float64),
    )
    for point, ewkb in zip(layers.points, _to_ewkb(shapely.points(x, y)), strict=True):
        zoom = first_zoom("labels", point.kind)
        yield DrawnFeature("labels", point.kind, point.kind, point.name, False, zoom, ewkb)


def _drawn_roads(network: RoadNetwork) -> Iterator[DrawnFeature]:
    """Streets: pieces of one class and name that meet end to end, joined into lines."""
    if network.arc_count == 0:
        return
    second = is_second_direction(network)
    two_way = np.append(second[1:], False)
    drawn = np.flatnonzero(~second)
    lines = arc_lines(network)[drawn]
    x, y = to_mercator(*shapely.get_coordinates(lines).T)
    lines = shapely.set_coordinates(lines, np.column_stack([x, y]))

    oneway = ~two_way[drawn]
    keys = np.column_stack(
        [network.arc_class[drawn], network.arc_name_index[drawn], oneway]
    ).astype(np.int64)
    streets, street_of = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(street_of, kind="stable")
    gathered = shapely.multilinestrings(lines[order], indices=street_of[order])
    # A one-way street keeps its direction: arrows are drawn along the line.
    joined = np.where(
        streets[:, 2] == 1,
        np.asarray(shapely.line_merge(gathered, directed=True), dtype=object),
        np.asarray(shapely.line_merge(gathered, directed=False), dtype=object),
    )
    parts, street = shapely.get_parts(joined, return_index=True)
    for part_street, ewkb in zip(street, _to_ewkb(parts), strict=True):
        class_index, name_index, is_oneway = streets[part_street]
        class_ = ROAD_CLASSES[class_index]
        yield DrawnFeature(
            "roads",
            class_,
            "road",
            network.names[name_index],
            bool(is_oneway),
            first_zoom("roads", class_),
            ewkb,
        )


def is_second_direction(network: RoadNetwork) -> NDArray[np.bool_]:
    """bool[M]: the arc is the way back of the arc before it, over the same points reversed."""
    second = np.zeros(network.arc_count, dtype=np.bool_)
    second[1:] = (
        network.arc_forward[:-1]
        & ~network.arc_forward[1:]
        & (network.arc_way_id[:-1] == network.arc_way_id[1:])
        & (network.arc_from[:-1] == network.arc_to[1:])
        & (network.arc_to[:-1] == network.arc_from[1:])
        & (np.diff(network.shape_offset)[:-1] == np.diff(network.shape_offset)[1:])
    )
    return second


def arc_lines(network: RoadNetwork) -> NDArray[np.object_]:
    """LineString[M]: each arc in its driving direction, WGS-84."""
    points = np.column_stack([network.shape_lon, network.shape_lat])
    arc_of_point = np.repeat(np.arange(network.arc_count), np.diff(network.shape_offset))
    return cast(NDArray[np.object_], shapely.linestrings(points, indices=arc_of_point))


def _from_wkb(wkb: list[bytes]) -> NDArray[np.object_]:
    shapes = shapely.from_wkb(np.array(wkb, dtype=object))

    def project(pairs: Floats) -> Floats:
        return np.column_stack(to_mercator(pairs[:, 0], pairs[:, 1]))

    return shapely.transform(shapes, project)


def _to_ewkb(shapes: NDArray[np.object_] | BaseGeometry) -> NDArray[np.object_]:
    told = shapely.set_srid(np.asarray(shapes, dtype=object), 3857)
    return cast(NDArray[np.object_], shapely.to_wkb(told, include_srid=True))
