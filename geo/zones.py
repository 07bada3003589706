"""Zones: which polygon a place lies in, and which arrival promise follows from it.

Here: the rule that picks a zone, and the reading of zone files. Not here: where zones are stored
and which were valid when (server/places), nor the minutes promised (server/policy).

Source of the two areas: seed 004 «市区 30 …郊区 60 分钟内到达现场»; it draws no boundary, so each
company supplies its own polygons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import EARTH_RADIUS_M, Datum, Floats, LonLat, to_wgs84

Area = Literal["urban", "suburban"]
Warn = Literal["outside_every_zone", "on_border"]

BORDER_M: Final = 1.0
"""Nearer than this to a border, a place counts as lying on both sides of it."""

_AREA_WORDS: Final[Mapping[str, Area]] = {
    "urban": "urban",
    "suburban": "suburban",
    "市区": "urban",
    "郊区": "suburban",
}


class ZoneFileError(ValueError):
    """A zone file cannot be used; the message names the feature and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ZoneShape:
    """One zone's outline, WGS-84 degrees."""

    code: str
    name: str
    area: Area
    polygon: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """The zone a place belongs to and the promise that follows; `zone` None = outside of all."""

    zone: ZoneShape | None
    area: Area
    warning: Warn | None


def zone_for(point: LonLat, candidates: Sequence[ZoneShape]) -> ZoneChoice:
    """Pick the zone of `point` among zones valid at the moment asked about.

    `candidates` may be all zones or only those near; zones farther than a metre are ignored.
    Where zones overlap, the stricter promise (urban) wins. Within a metre of a border the point is
    taken to lie on both sides, and outside every zone counts as urban, so on the outer edge of a
    suburban zone the promise is urban too, with the warning "on_border". Nothing near: urban
    promise, no zone, warning "outside_every_zone". A doubt is thus never resolved to the
    company's advantage.
    """
    here = Point(0.0, 0.0)
    near: list[tuple[ZoneShape, BaseGeometry]] = []
    on_border = False
    for zone in candidates:
        local = _in_metres_around(point, zone.polygon)
        if local.distance(here) > BORDER_M:
            continue
        near.append((zone, local))
        on_border = on_border or local.boundary.distance(here) <= BORDER_M
    if not near:
        return ZoneChoice(zone=None, area="urban", warning="outside_every_zone")
    near.sort(key=lambda pair: (pair[0].area != "urban", not pair[1].covers(here), pair[0].code))
    chosen = near[0][0]
    if not on_border:
        return ZoneChoice(zone=chosen, area=chosen.area, warning=None)
    around = here.buffer(BORDER_M)
    # A sliver of no zone within a metre is "outside", which promises urban.
    touches_outside = around.difference(shapely.union_all([local for _, local in near])).area > 1e-3
    return ZoneChoice(
        zone=chosen, area="urban" if touches_outside else chosen.area, warning="on_border"
    )


def read_zones(geojson: Mapping[str, Any], datum: Datum) -> list[ZoneShape]:
    """Read a GeoJSON FeatureCollection of zones whose coordinates are told in `datum`.

    Each feature needs a Polygon or MultiPolygon and the properties `code` (unique in the file),
    `name` (the code where it is missing) and `area`: urban/市区 or suburban/郊区. Outlines come
    back in WGS-84, heights dropped. Raises ZoneFileError naming the feature; nothing is repaired
    silently, because a repaired outline may move a promise from 60 to 30 minutes or back.
    """
    features = geojson.get("features")
    if geojson.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise ZoneFileError("the file is not a GeoJSON FeatureCollection")
    if not features:
        raise ZoneFileError("the file holds no feature")
    zones: list[ZoneShape] = []
    seen: set[str] = set()
    for number, feature in enumerate(features, start=1):
        zone = _read_feature(number, feature, datum)
        if zone.code in seen:
            raise ZoneFileError(f"{_called(number, zone.code)}: the code appears twice")
        seen.add(zone.code)
        zones.append(zone)
    return zones


def _read_feature(number: int, feature: object, datum: Datum) -> ZoneShape:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise ZoneFileError(f"{_called(number, None)}: not a feature with properties")
    properties = feature["properties"]
    code = str(properties.get("code") or "").strip()
    if not code:
        raise ZoneFileError(f"{_called(number, None)}: no code")
    area = _AREA_WORDS.get(str(properties.get("area") or "").strip())
    if area is None:
        raise ZoneFileError(
            f"{_called(number, code)}: area must be urban (市区) or suburban (郊区),"
            f" not {properties.get('area')!r}"
        )
    name = str(properties.get("name") or "").strip() or code
    polygon = _read_polygon(_called(number, code), feature.get("geometry"), datum)
    return ZoneShape(code=code, name=name, area=area, polygon=polygon)


def _read_polygon(called: str, geometry: object, datum: Datum) -> Polygon | MultiPolygon:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        raise ZoneFileError(f"{called}: geometry must be a Polygon or MultiPolygon, not {kind!r}")
    rings_of = geometry.get("coordinates")
    try:
        parts = [rings_of] if kind == "Polygon" else list(cast(list[Any], rings_of))
        told = [
            Polygon(_ring(rings[0]), [_ring(hole) for hole in rings[1:]])
            for rings in cast(list[list[Any]], parts)
        ]
    except (TypeError, ValueError, IndexError) as error:
        raise ZoneFileError(f"{called}: unreadable coordinates ({error})") from error
    shape: Polygon | MultiPolygon = told[0] if len(told) == 1 else MultiPolygon(told)
    bounds = shape.bounds
    if shape.is_empty:
        raise ZoneFileError(f"{called}: the polygon is empty")
    if bounds[0] < -180 or bounds[2] > 180 or bounds[1] < -90 or bounds[3] > 90:
        raise ZoneFileError(f"{called}: coordinates are not longitude and latitude in degrees")

    def shift(pairs: Floats) -> Floats:
        lon, lat = to_wgs84(pairs[:, 0].copy(), pairs[:, 1].copy(), datum)
        return np.column_stack([lon, lat])

    moved = shapely.transform(shape, shift)
    if not moved.is_valid:
        raise ZoneFileError(f"{called}: {shapely.is_valid_reason(moved)}")
    return moved


def _ring(positions: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    ring = [(float(position[0]), float(position[1])) for position in positions]
    if not all(np.isfinite(position).all() for position in ring):
        raise ValueError("a coordinate is not a finite number")
    return ring


def _called(number: int, code: str | None) -> str:
    return f"feature {number}" if code is None else f"feature {number} (code {code})"


def _in_metres_around(point: LonLat, shape: BaseGeometry) -> BaseGeometry:
    """The shape in metres east and north of `point`; exact where it matters, close to the point."""
    metres_per_degree = np.radians(1.0) * EARTH_RADIUS_M
    scale = np.array([metres_per_degree * np.cos(np.radians(point.lat)), metres_per_degree])
    origin = np.array([point.lon, point.lat])

    def localise(pairs: Floats) -> Floats:
        return cast(Floats, (pairs - origin) * scale)

    return shapely.transform(shape, localise)
