"""What may be drawn as a closure, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.network.rules import MOST_POINTS, ClosureRefused, check_closure, closure_shape

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
SQUARE = [[105.9, 26.2], [106.0, 26.2], [106.0, 26.3], [105.9, 26.2]]


def test_a_line_and_an_area_are_taken() -> None:
    line = closure_shape({"type": "LineString", "coordinates": [[105.9, 26.2, 900], [106, 26.2]]})
    assert line.geom_type == "LineString"
    assert not line.has_z
    assert closure_shape({"type": "Polygon", "coordinates": [SQUARE]}).area > 0


@pytest.mark.parametrize(
    "drawn",
    [
        {},
        {"type": "Point", "coordinates": [105.9, 26.2]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        {"type": "LineString"},
        {"type": "LineString", "coordinates": []},
        {"type": "LineString", "coordinates": [[105.9, 26.2]]},
        {"type": "LineString", "coordinates": [[105.9, 26.2], [105.9, 26.2]]},
        {"type": "LineString", "coordinates": "here"},
        {"type": "LineString", "coordinates": [["a", "b"], ["c", "d"]]},
        {"type": "LineString", "coordinates": [[105.9, 26.2], [float("nan"), 26.3]]},
        {"type": "LineString", "coordinates": [[105.9, 26.2], [1059, 26.3]]},
        {"type": "LineString", "coordinates": [[i / 1e4, 1] for i in range(MOST_POINTS + 1)]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": 7},
    ],
)
def test_what_cannot_be_closed_is_refused(drawn: dict[str, Any]) -> None:
    with pytest.raises(ClosureRefused):
        closure_shape(drawn)


@pytest.mark.parametrize("factor", [None, 1.5, 100.0])
def test_closed_or_slow(factor: float | None) -> None:
    check_closure(factor, None, NOW)
    check_closure(factor, NOW + timedelta(minutes=1), NOW)


@pytest.mark.parametrize("factor", [1.0, 0.5, -3.0, 101.0, float("nan"), float("inf")])
def test_what_does_not_slow_down_is_refused(factor: float) -> None:
    with pytest.raises(ClosureRefused):
        check_closure(factor, None, NOW)


def test_what_would_have_ended_is_refused() -> None:
    with pytest.raises(ClosureRefused):
        check_closure(None, NOW, NOW)
