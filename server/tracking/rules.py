"""Which fixes are kept, for which crew, and which can be believed: pure decisions on arrays.

Not here: storing them, what the place means. Arrays, because a busy evening brings thousands of
fixes a second; the careful judgement itself is `geo.track`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from geo.coordinates import Datum, LonLat, distance_m, to_wgs84
from geo.track import CLOCK_SHOWN_S, FASTEST_KMH, Fix, believable
from server.crews.wire import DutyWindow
from server.tracking.wire import SentFix

Floats = NDArray[np.float64]
Micros = NDArray[np.int64]
Flags = NDArray[np.bool_]

DATUMS: Final = (Datum.WGS84, Datum.CGCS2000, Datum.GCJ02, Datum.BD09)
"""The number of a datum in the table is its place here; append, never reorder."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where PostgreSQL counts its microseconds from."""
_MICROSECOND: Final = timedelta(microseconds=1)

OLDEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
NEWEST: Final = datetime(2190, 1, 1, tzinfo=UTC)
"""Times beyond these are no clock's error but nonsense, and are refused by the edge."""


def micros(at: datetime) -> int:
    """Microseconds from 2000-01-01 UTC, PostgreSQL's own count."""
    return (at - EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The instant of a count of microseconds."""
    return EPOCH + count * _MICROSECOND


def clock_is_off(offset_s: float) -> bool:
    """True when a measured offset (phone minus server) cannot be the network's doing alone.

    The way to the server makes a phone look slow, never fast. Source: F15, offset above 5 s shown.
    """
    return offset_s > 0 or offset_s < -CLOCK_SHOWN_S


@dataclass(slots=True)
class Columns:
    """A batch of fixes as arrays of one length. `keep` marks the rows on duty; rows are WGS-84."""

    at: Micros
    corrected_at: Micros
    lon: Floats
    lat: Floats
    datum: NDArray[np.int16]
    accuracy_m: NDArray[np.float32]
    """NaN where unknown, as in the next two."""
    speed_kmh: NDArray[np.float32]
    heading_deg: NDArray[np.float32]
    mock: Flags


def columns(fixes: Sequence[SentFix], offset_s: float, recorded_at: datetime) -> Columns:
    """A batch as arrays, brought to WGS-84 and to business time.

    offset_s: the phone's clock minus ours (see `clock_is_off`).
    """
    unknown = float("nan")
    rows = np.array(
        [
            (
                one.lon,
                one.lat,
                unknown if one.accuracy_m is None else one.accuracy_m,
                unknown if one.speed_kmh is None else one.speed_kmh,
                unknown if one.heading_deg is None else one.heading_deg,
            )
            for one in fixes
        ],
        dtype=np.float64,
    ).reshape(len(fixes), 5)
    at = np.array([(one.at - EPOCH) // _MICROSECOND for one in fixes], dtype=np.int64)
    lon, lat = rows[:, 0].copy(), rows[:, 1].copy()
    told = [DATUMS.index(one.datum) for one in fixes]
    datum = np.array(told, dtype=np.int16)
    for number in set(told):
        if DATUMS[number] not in (Datum.WGS84, Datum.CGCS2000):
            of_it = datum == number
            lon[of_it], lat[of_it] = to_wgs84(lon[of_it], lat[of_it], DATUMS[number])
    corrected = at
    if clock_is_off(offset_s):
        corrected = at - round(offset_s * 1e6)
    return Columns(
        at=at,
        corrected_at=np.minimum(corrected, micros(recorded_at)),
        lon=lon,
        lat=lat,
        datum=datum,
        accuracy_m=rows[:, 2].astype(np.float32),
        speed_kmh=rows[:, 3].astype(np.float32),
        heading_deg=rows[:, 4].astype(np.float32),
        mock=np.array([one.mock for one in fixes], dtype=np.bool_),
    )


def crews_at(corrected_at: Micros, windows: Sequence[DutyWindow]) -> list[tuple[UUID, Flags]]:
    """Which rows belong to which crew: those in no window belong to nobody and are not kept.

    windows: of one person, the later begun first (it wins where a shift that its work kept open
    and the next one overlap).
    """
    free = np.ones(len(corrected_at), dtype=np.bool_)
    found: list[tuple[UUID, Flags]] = []
    for window in windows:
        inside = free & (corrected_at >= micros(window.begins_at))
        if window.ends_at is not None:
            inside &= corrected_at < micros(window.ends_at)
        if inside.any():
            found.append((window.crew_id, inside))
            free &= ~inside
    return found


@dataclass(frozen=True, slots=True)
class LastFix:
    """The phone's last stored fix."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None
    implausible: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest believable fix of a batch, for its crew; figures are NaN where unknown."""

    phone_id: UUID
    at: datetime
    """Business time."""
    recorded_at: datetime
    lon: float
    lat: float
    accuracy_m: float
    speed_kmh: float
    heading_deg: float


def newest_of(
    batch: Columns, mine: Flags, doubted: Flags, phone_id: UUID, recorded_at: datetime
) -> Newest | None:
    """The newest fix among those of the crew (`mine`) that can be believed; None without one."""
    rows = np.flatnonzero(mine & ~doubted)
    if not len(rows):
        return None
    row = rows[np.argmax(batch.corrected_at[rows])]
    return Newest(
        phone_id=phone_id,
        at=moment(int(batch.corrected_at[row])),
        recorded_at=recorded_at,
        lon=float(batch.lon[row]),
        lat=float(batch.lat[row]),
        accuracy_m=float(batch.accuracy_m[row]),
        speed_kmh=float(batch.speed_kmh[row]),
        heading_deg=float(batch.heading_deg[row]),
    )


def is_new(batch: Columns, last: LastFix | None) -> bool:
    """True when no fix of the batch can be stored already: all are later than the phone's last
    one, and no two have the same time."""
    if last is not None and bool(batch.at.min() <= micros(last.at)):
        return False
    return len(np.unique(batch.at)) == len(batch.at)


def look_plausible(batch: Columns, before: LastFix | None) -> bool:
    """True when no fix of the batch needs the careful judgement: no jump, no mock, no wild speed.

    The same rule as `geo.track.doubts`, on arrays.
    """
    if batch.mock.any() or bool((batch.speed_kmh > FASTEST_KMH).any()):
        return False
    if before is not None and before.implausible:
        return False
    order = np.argsort(batch.at, kind="stable")
    at, lon, lat = batch.at[order], batch.lon[order], batch.lat[order]
    accuracy = np.nan_to_num(batch.accuracy_m[order].astype(np.float64))
    if before is not None:
        at = np.concatenate(([micros(before.at)], at))
        lon = np.concatenate(([before.lon], lon))
        lat = np.concatenate(([before.lat], lat))
        accuracy = np.concatenate(([before.accuracy_m or 0.0], accuracy))
    if len(at) < 2:
        return True
    apart_m = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    apart_s = np.abs(np.diff(at)) / 1e6 + 1.0
    jumps = apart_m - accuracy[:-1] - accuracy[1:] > FASTEST_KMH / 3.6 * apart_s
    return not bool(jumps.any())


def implausible(batch: Columns, history: Sequence[Fix]) -> Flags:
    """Which fixes of the batch cannot be believed after the phone's last few (`history`)."""
    fixes = [
        Fix(
            point=LonLat(float(batch.lon[n]), float(batch.lat[n])),
            at=moment(int(batch.at[n])),
            accuracy_m=_known(batch.accuracy_m[n]),
            speed_kmh=_known(batch.speed_kmh[n]),
            mock=bool(batch.mock[n]),
        )
        for n in range(len(batch.at))
    ]
    believed = set(believable([*history, *fixes]))
    return np.array([one not in believed for one in fixes], dtype=np.bool_)


def _known(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)
