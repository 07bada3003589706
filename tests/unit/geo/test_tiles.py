"""The tile grid and the zoom rules; what PostGIS cuts is tested against the database."""

import numpy as np
import pytest

from geo.roads import AREA_KINDS, LINE_KINDS, POINT_KINDS, ROAD_CLASSES
from geo.tiles import (
    LAST_ZOOM,
    LAYERS,
    NORTHERNMOST,
    Tile,
    first_zoom,
    tile_at,
    tile_statement,
    to_mercator,
)


def test_mercator_at_the_corners_of_its_world() -> None:
    x, y = to_mercator(np.array([0.0, 180.0, -180.0]), np.array([0.0, NORTHERNMOST, -90.0]))
    half = 20_037_508.342789244
    assert x == pytest.approx([0.0, half, -half])
    assert y == pytest.approx([0.0, half, -half], abs=1e-3)


def test_which_tile_holds_a_point() -> None:
    assert tile_at(0.1, 0.1, 0) == Tile(0, 0, 0)
    assert tile_at(-0.1, 0.1, 1) == Tile(1, 0, 0)
    assert tile_at(0.1, -0.1, 1) == Tile(1, 1, 1)
    # 人民广场, Shanghai, as every slippy map numbers it.
    assert tile_at(121.4737, 31.2304, 14) == Tile(14, 13720, 6694)
    assert tile_at(180.0, 90.0, 3) == Tile(3, 7, 0)


@pytest.mark.parametrize(
    ("z", "x", "y"),
    [(-1, 0, 0), (0, 1, 0), (0, 0, 1), (3, 8, 0), (3, 0, -1), (LAST_ZOOM + 1, 0, 0)],
)
def test_squares_that_do_not_exist(z: int, x: int, y: int) -> None:
    with pytest.raises(ValueError, match="no such tile"):
        Tile(z, x, y)


def test_every_kind_an_import_knows_has_its_first_zoom() -> None:
    for kind in ROAD_CLASSES:
        assert 0 <= first_zoom("roads", kind) <= LAST_ZOOM
    for kind in LINE_KINDS:
        assert 0 <= first_zoom("roads" if kind == "rail" else "water_lines", kind) <= LAST_ZOOM
    for kind in POINT_KINDS:
        assert 0 <= first_zoom("labels", kind) <= LAST_ZOOM
    for kind in AREA_KINDS:
        assert 0 <= first_zoom("areas", kind, 1e6) <= LAST_ZOOM
    assert first_zoom("buildings", "building") == 13
    with pytest.raises(KeyError):
        first_zoom("roads", "cow_path")
    with pytest.raises(KeyError):
        first_zoom("clouds", "cumulus")


def test_the_greater_is_seen_from_farther() -> None:
    assert first_zoom("roads", "motorway") < first_zoom("roads", "primary")
    assert first_zoom("roads", "primary") < first_zoom("roads", "residential")
    # At zoom 10 a pixel is 153 m: four of them need an area of 611 m by 611 m.
    assert first_zoom("areas", "water", 612.0**2) == 10
    assert first_zoom("areas", "water", 610.0**2) == 11
    assert first_zoom("areas", "water", 0.0) == LAST_ZOOM
    assert first_zoom("areas", "water", 1e15) == 0


def test_a_statement_takes_no_words_but_the_programs_own() -> None:
    for layer in LAYERS:
        assert f"'{layer}'" in tile_statement(layer, 9, "map_features")
    for layer, z, table in [
        ("roads'; DROP TABLE x; --", 9, "map_features"),
        ("roads", 9, "map_features; DROP TABLE x"),
        ("roads", LAST_ZOOM + 1, "map_features"),
        ("roads", -1, "map_features"),
    ]:
        with pytest.raises(ValueError, match="no such"):
            tile_statement(layer, z, table)
