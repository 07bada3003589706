"""What may be drawn as a closure. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry import LineString, Polygon, shape
from shapely.geometry.base import BaseGeometry

from server.refusal import Refusal

MOST_POINTS = 2000
"""A closure is drawn by hand; more points than this is a mistaken paste."""


class ClosureRefused(Refusal):
    """The closure cannot be taken; `why` says what is wrong with it."""

    code = "closure_refused"
    status = 422
    zh = "封路无法登记：{why}"
    en = "The closure cannot be taken: {why}."


def closure_shape(geojson: Mapping[str, Any]) -> BaseGeometry:
    """The line or polygon of a GeoJSON geometry, WGS-84. Raises ClosureRefused."""
    if geojson.get("type") not in ("LineString", "Polygon"):
        raise ClosureRefused(why="draw a line or an area / 请画一条线或一个区域")
    try:
        drawn = shapely.force_2d(shape(dict(geojson)))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ClosureRefused(why="unreadable coordinates / 坐标无法读取") from error
    assert isinstance(drawn, LineString | Polygon), "one of the two kinds asked for above"
    if drawn.is_empty or (isinstance(drawn, LineString) and drawn.length == 0):
        raise ClosureRefused(why="nothing is drawn / 没有画出任何内容")
    if shapely.get_num_coordinates(drawn) > MOST_POINTS:
        raise ClosureRefused(why=f"more than {MOST_POINTS} points / 点数超过 {MOST_POINTS}")
    west, south, east, north = drawn.bounds
    # Written so that NaN fails it too.
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):
        raise ClosureRefused(why="not degrees of longitude and latitude / 不是经纬度坐标")
    if isinstance(drawn, Polygon) and not drawn.is_valid:
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
