"""What may be drawn as a closure. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shapely.geometry import LineString, Polygon

from server.refusal import Refusal

MOST_POINTS = 2000
"""A closure is drawn by hand; more points than this is a mistaken paste."""


class ClosureRefused(Refusal):
    """The closure cannot be taken; `why` says what is wrong with it."""

    code = "closure_refused"
    status = 422
    zh = "封路无法登记：{why}"
    en = "The closure cannot be taken: {why}."


def closure_shape(geojson: Mapping[str, Any]) -> LineString | Polygon:
    """The line or polygon of a GeoJSON geometry, WGS-84, heights dropped. Raises ClosureRefused."""
    kind = geojson.get("type")
    if kind not in ("LineString", "Polygon"):
        raise ClosureRefused(why="draw a line or an area / 请画一条线或一个区域")
    try:
        parts = [geojson["coordinates"]] if kind == "LineString" else geojson["coordinates"]
        rings = [[(float(point[0]), float(point[1])) for point in part] for part in parts]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ClosureRefused(why="unreadable coordinates / 坐标无法读取") from error
    points = [point for ring in rings for point in ring]
    # Looked at before any shape is made: geometry libraries only warn about what is no number.
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in points):
        raise ClosureRefused(why="not degrees of longitude and latitude / 不是经纬度坐标")
    if len(points) > MOST_POINTS:
        raise ClosureRefused(why=f"more than {MOST_POINTS} points / 点数超过 {MOST_POINTS}")
    fewest = 2 if kind == "LineString" else 3
    if not rings or min(len(set(ring)) for ring in rings) < fewest:
        raise ClosureRefused(why="too few points / 点数不足")
    drawn = LineString(rings[0]) if kind == "LineString" else Polygon(rings[0], rings[1:])
    if not drawn.is_valid:
        raise ClosureRefused(why="the outline crosses itself / 区域边界自相交")
    return drawn


def check_closure(factor: float | None, until_at: datetime | None, now: datetime) -> None:
    """Refuse a factor that does not slow down, and an end that has already passed."""
    if factor is not None and not 1.0 < factor <= 100.0:
        raise ClosureRefused(
            why="the factor must be above 1 and at most 100, or empty for closed"
            " / 系数须大于 1 且不超过 100，留空表示完全封闭"
        )
    if until_at is not None and until_at <= now:
        raise ClosureRefused(why="it would have ended already / 结束时间已过")
