"""Datums, for any point: there and back again is the same place."""

from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import Datum, distance_m, from_wgs84, to_wgs84

# Inside the rectangle by more than the largest shift: on its very edge the published formula
# itself is not reversible, a shifted point and an unshifted one coincide.
in_china = st.tuples(st.floats(72.05, 137.78), st.floats(0.88, 55.78))
anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
datums = st.sampled_from(list(Datum))


@given(in_china, datums)
def test_there_and_back_is_closer_than_a_hair(point: tuple[float, float], datum: Datum) -> None:
    back = to_wgs84(*from_wgs84(*point, datum), datum)
    assert distance_m(*point, *back) < 1e-4


@given(in_china, datums)
def test_back_and_there_is_closer_than_a_hair(point: tuple[float, float], datum: Datum) -> None:
    again = from_wgs84(*to_wgs84(*point, datum), datum)
    assert distance_m(*point, *again) < 1e-4


@given(anywhere, datums)
def test_no_datum_moves_a_point_far(point: tuple[float, float], datum: Datum) -> None:
    assert distance_m(*point, *from_wgs84(*point, datum)) < 2_500
    assert distance_m(*point, *to_wgs84(*point, datum)) < 2_500


@given(anywhere, anywhere)
def test_distance_is_symmetric_and_never_negative(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    there = distance_m(*one, *other)
    assert there >= 0
    assert abs(there - distance_m(*other, *one)) < 1e-6 * max(1.0, there)
