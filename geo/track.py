"""Fixes: which of them can be believed, and whether a crew was at the scene when it said so.

Here: pure judgement of GPS readings. Not here: storing fixes (server/tracking), what an arrival
does to a work order or a clock (server/work, server/promises).

A judgement never throws evidence away and never punishes: it says what each source of time and
place told, and flags where they disagree (a phone's location can be faked, and can just as well
be wrong through no fault of the crew).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from geo.coordinates import LonLat, distance_m

SCENE_RADIUS_M: Final = 100.0
"""Arrival radius of an ordinary scene; 150 m in an urban village, 200 m along a pipeline."""
FASTEST_KMH: Final = 160.0
"""No repair van goes faster between two fixes."""
WORST_ACCURACY_M: Final = 100.0
"""A coarser fix proves neither presence nor absence."""
LONGEST_GAP_S: Final = 120.0
"""Two fixes farther apart in time do not prove the crew stayed between them."""
SHORTEST_DWELL_S: Final = 60.0
"""Driving past a scene is not arriving at it."""
TAP_TOLERANCE_S: Final = 60.0
"""How much a tap may run ahead of the first fix inside: phones locate every 10 to 15 s at best."""
CLOCK_SHOWN_S: Final = 5.0
CLOCK_DOUBTED_S: Final = 120.0
"""Offsets of a phone's clock that are shown, and that put its times in doubt."""
_AGREEING_FIXES: Final = 3


@dataclass(frozen=True, slots=True)
class Fix:
    """One reading as the phone told it, WGS-84; `at` by the phone's clock, timezone-aware."""

    point: LonLat
    at: datetime
    accuracy_m: float | None = None
    speed_kmh: float | None = None
    mock: bool = False
    """The phone itself said that an app, not its receiver, supplied this location."""


@dataclass(frozen=True, slots=True)
class ArrivalEvidence:
    """What the fixes say about one arrival tap. Times are by the phone's clock."""

    inside: bool
    """The crew was inside the radius at the tap, by fixes that can be believed."""
    dwell_s: float
    """How long it is proved to have stayed, without a gap, around the tap."""
    nearest_m: float | None
    """The nearest believable fix of the period judged; None when there is none."""
    accuracy_m: float | None
    """Accuracy told for that nearest fix."""
    entered_at: datetime | None
    left_at: datetime | None
    """First and last fix inside of that stay; both None when it never was inside."""
    flags: tuple[str, ...]
    """In alphabetical order. no_fix, accuracy_poor, near_edge, outside_radius, tap_before_entry,
    tap_after_leaving, dwell_short, mock_location, impossible_jump, impossible_speed,
    clock_offset, clock_doubted."""

    @property
    def disputed(self) -> bool:
        """The sources contradict each other, as opposed to merely failing to confirm."""
        return bool(_CONTRADICTIONS.intersection(self.flags))


_CONTRADICTIONS: Final = frozenset(
    {
        "outside_radius",
        "tap_before_entry",
        "tap_after_leaving",
        "mock_location",
        "impossible_jump",
        "impossible_speed",
        "clock_doubted",
    }
)


def doubts(fix: Fix, previous: Fix | None) -> tuple[str, ...]:
    """Why `fix` cannot be believed after `previous`; empty when it can.

    mock_location: the phone said so. impossible_speed: it told a speed above 160 km/h.
    impossible_jump: the way from the previous fix, less the accuracy of both, would need more
    than 160 km/h. A fix older than the previous one is judged by the same rule (phones
    send late and out of order), so time running backwards is no doubt by itself.
    """
    found: list[str] = []
    if fix.mock:
        found.append("mock_location")
    if fix.speed_kmh is not None and fix.speed_kmh > FASTEST_KMH:
        found.append("impossible_speed")
    if previous is not None:
        apart_m = _apart_m(fix.point, previous.point)
        slack_m = (fix.accuracy_m or 0.0) + (previous.accuracy_m or 0.0)
        # A second is added because phones round their times to whole ones.
        apart_s = abs((fix.at - previous.at).total_seconds()) + 1.0
        if apart_m - slack_m > FASTEST_KMH / 3.6 * apart_s:
            found.append("impossible_jump")
    return tuple(found)


def plausible(fix: Fix, previous: Fix | None) -> bool:
    """True when nothing in `doubts` speaks against the fix."""
    return not doubts(fix, previous)


def believable(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that can be believed, in order of `at`: what maps and dispatch should use.

    A fix that jumps is left out; but when three in a row agree with each other, it is the fix
    before them that was wrong, and they are taken. Mock fixes are always left out.
    """
    kept: list[Fix] = []
    jumped: list[Fix] = []
    for fix in sorted(fixes, key=lambda one: one.at):
        if doubts(fix, None):
            continue
        if plausible(fix, kept[-1] if kept else None):
            kept.append(fix)
            jumped.clear()
            continue
        if jumped and not plausible(fix, jumped[-1]):
            jumped.clear()
        jumped.append(fix)
        if len(jumped) >= _AGREEING_FIXES:
            kept.extend(jumped)
            jumped.clear()
    return kept


def judge(
    fixes: Sequence[Fix],
    scene: LonLat,
    radius_m: float = SCENE_RADIUS_M,
    *,
    tapped_at: datetime | None = None,
    clock_offset_s: float = 0.0,
    window_s: float = 1800.0,
) -> ArrivalEvidence:
    """Judge whether the crew was at `scene` when it tapped "arrived".

    `fixes` are the phone's, any order; those within `window_s` before and after the tap count.
    `tapped_at` is by the phone's clock, as the fixes are, so an offset of that clock cannot make
    them disagree; `clock_offset_s` (phone minus server, seconds) is only flagged. With no tap, the
    longest stay inside is judged. A fix counts as inside within `radius_m`, as outside only when
    its distance less its accuracy is beyond; between the two it says nothing. The judgement may
    be repeated as later fixes arrive: the dwell then grows. Sources: design F11, F14, F15.
    """
    flags: set[str] = set()
    if abs(clock_offset_s) > CLOCK_DOUBTED_S:
        flags.add("clock_doubted")
    elif abs(clock_offset_s) > CLOCK_SHOWN_S:
        flags.add("clock_offset")

    window = timedelta(seconds=window_s)
    counted = sorted(
        (fix for fix in fixes if tapped_at is None or abs(fix.at - tapped_at) <= window),
        key=lambda one: one.at,
    )
    trusted = believable(counted)
    flags.update(_doubts_near(counted, trusted, tapped_at))
    usable = [fix for fix in trusted if (fix.accuracy_m or 0.0) <= WORST_ACCURACY_M]
    if not usable:
        flags.add("accuracy_poor" if trusted else "no_fix")
        return ArrivalEvidence(False, 0.0, None, None, None, None, tuple(sorted(flags)))

    nearest = min(usable, key=lambda fix: _apart_m(fix.point, scene))
    stay = _stay_around(_stays(usable, scene, radius_m), tapped_at)
    inside = stay is not None
    if stay is None:
        beyond_m = _apart_m(nearest.point, scene) - (nearest.accuracy_m or 0.0)
        flags.add("outside_radius" if beyond_m > radius_m else "near_edge")
    elif tapped_at is not None:
        early_s = (stay[0] - tapped_at).total_seconds()
        late_s = (tapped_at - stay[1]).total_seconds()
        tolerance = timedelta(seconds=TAP_TOLERANCE_S)
        if early_s > TAP_TOLERANCE_S:
            inside = False
            # Without a fix outside, nothing says it was not there: the phone may just have woken.
            away = any(
                tapped_at - tolerance <= fix.at < stay[0] and _clearly_outside(fix, scene, radius_m)
                for fix in usable
            )
            flags.add("tap_before_entry" if away else "no_fix")
        elif late_s > LONGEST_GAP_S:
            inside = False
            # Silence after the stay is a phone without signal; a fix outside is a crew gone.
            gone = any(
                stay[1] < fix.at <= tapped_at and _clearly_outside(fix, scene, radius_m)
                for fix in usable
            )
            flags.add("tap_after_leaving" if gone else "no_fix")
    dwell_s = 0.0 if stay is None else (stay[1] - stay[0]).total_seconds()
    if stay is not None and dwell_s < SHORTEST_DWELL_S:
        flags.add("dwell_short")
    return ArrivalEvidence(
        inside=inside,
        dwell_s=dwell_s,
        nearest_m=_apart_m(nearest.point, scene),
        accuracy_m=nearest.accuracy_m,
        entered_at=None if stay is None else stay[0],
        left_at=None if stay is None else stay[1],
        flags=tuple(sorted(flags)),
    )


def _doubts_near(
    counted: Sequence[Fix], trusted: Sequence[Fix], tapped_at: datetime | None
) -> set[str]:
    """Doubts about the fixes left out, only those close to the tap: old noise is no evidence."""
    found: set[str] = set()
    kept = set(trusted)
    previous: Fix | None = None
    for fix in counted:
        if fix in kept:
            previous = fix
            continue
        if tapped_at is None or abs((fix.at - tapped_at).total_seconds()) <= LONGEST_GAP_S:
            found.update(doubts(fix, previous))
    return found


def _stays(
    usable: Sequence[Fix], scene: LonLat, radius_m: float
) -> list[tuple[datetime, datetime]]:
    """The unbroken periods inside, as (first fix, last fix)."""
    stays: list[tuple[datetime, datetime]] = []
    last: datetime | None = None
    for fix in usable:
        if _apart_m(fix.point, scene) <= radius_m:
            if last is not None and (fix.at - last).total_seconds() <= LONGEST_GAP_S:
                stays[-1] = (stays[-1][0], fix.at)
            else:
                stays.append((fix.at, fix.at))
            last = fix.at
        elif _clearly_outside(fix, scene, radius_m):
            last = None
        elif last is not None and (fix.at - last).total_seconds() <= LONGEST_GAP_S:
            # It may well still be there: the gap is bridged, the stay is not lengthened.
            last = fix.at
    return stays


def _stay_around(
    stays: Sequence[tuple[datetime, datetime]], tapped_at: datetime | None
) -> tuple[datetime, datetime] | None:
    if not stays:
        return None
    if tapped_at is None:
        return max(stays, key=lambda stay: stay[1] - stay[0])
    nothing = timedelta(0)
    return min(stays, key=lambda stay: max(stay[0] - tapped_at, tapped_at - stay[1], nothing))


def _clearly_outside(fix: Fix, scene: LonLat, radius_m: float) -> bool:
    return _apart_m(fix.point, scene) - (fix.accuracy_m or 0.0) > radius_m


def _apart_m(one: LonLat, other: LonLat) -> float:
    return distance_m(one.lon, one.lat, other.lon, other.lat)
