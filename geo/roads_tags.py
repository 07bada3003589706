"""What OSM's tags mean to a repair crew's vehicle.

Belongs here: pure readings of tags (class, access, direction, speed, name, barrier, layer kind).
Does not belong here: geometry, files, graphs.
Sources: the OSM wiki's "Key:access", "Key:oneway", "Key:maxspeed", "Key:barrier"; speeds start
from the class speeds of OSRM's car profile and are meant to be corrected from crews' own tracks.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, Protocol

from geo.roads_network import ROAD_CLASSES

CLASS_SPEED_KMH: Final[dict[str, float]] = {
    "motorway": 90.0,
    "motorway_link": 45.0,
    "trunk": 80.0,
    "trunk_link": 40.0,
    "primary": 60.0,
    "primary_link": 30.0,
    "secondary": 50.0,
    "secondary_link": 25.0,
    "tertiary": 40.0,
    "tertiary_link": 20.0,
    "unclassified": 25.0,
    "residential": 25.0,
    "living_street": 10.0,
    "service": 15.0,
    "track": 15.0,
    "road": 25.0,
    "pedestrian": 8.0,
}
CLASS_INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(ROAD_CLASSES)}

SHARE_OF_LIMIT = 0.8
"""Nobody averages the limit between two junctions; OSRM's car profile uses the same share."""

_LIMIT_WORDS_KMH: Final[dict[str, float]] = {
    "walk": 7.0,
    "none": 120.0,
    "cn:urban": 50.0,
    "cn:rural": 70.0,
    "cn:trunk": 80.0,
    "cn:motorway": 120.0,
}
_LIMIT = re.compile(r"^(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph)?$")

GATE_DELAY_S = 15.0
TOLL_DELAY_S = 10.0
SIGNAL_DELAY_S = 4.0
"""Half of what a random arrival at a short cycle waits: repair vehicles may pass under caution."""

_OPEN_ACCESS = frozenset({"yes", "permissive", "destination", "designated", "private", "delivery"})
_SHUT_ACCESS = frozenset({"no", "agricultural", "forestry", "military", "bicycle", "foot", "bus"})
_BLOCKING_BARRIERS = frozenset(
    {
        "bollard",
        "block",
        "cycle_barrier",
        "kissing_gate",
        "wall",
        "fence",
        "stile",
        "turnstile",
        "full-height_turnstile",
        "motorcycle_barrier",
        "jersey_barrier",
        "chain",
        "debris",
        "log",
        "planter",
    }
)
_GATES = frozenset({"gate", "lift_gate", "swing_gate", "sliding_gate", "hampshire_gate"})


class Tags(Protocol):
    """Anything that answers like a dict of strings (pyosmium's TagList, a dict)."""

    def get(self, key: str, default: str = ..., /) -> str | None:
        """The value of a key, or None."""
        ...


class Direction(Enum):
    """How a way may be driven, seen along its geometry."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"
    REVERSIBLE = "reversible"


def road_class(tags: Tags) -> str | None:
    """The road's class if its kind of way can carry a vehicle at all, else None.

    Ferries are left out: they sail by timetable, which a promise of minutes cannot rest on.
    Pedestrian streets count only where a tag lets vehicles in.
    """
    highway = tags.get("highway")
    if highway not in CLASS_INDEX or tags.get("area") == "yes" or tags.get("route") == "ferry":
        return None
    if highway == "pedestrian" and _vehicle_access(tags, general=False) not in _OPEN_ACCESS:
        return None
    return highway


def may_enter(tags: Tags) -> bool:
    """Whether a repair vehicle may use the way. The most specific access tag decides.

    `private` is open to us: the leak is as often inside a compound's gate as outside it.
    """
    return _vehicle_access(tags) not in _SHUT_ACCESS


def _vehicle_access(tags: Tags, *, general: bool = True) -> str | None:
    for key in ("motorcar", "motor_vehicle", "vehicle"):
        value = tags.get(key)
        if value is not None:
            return value
    return tags.get("access") if general else None


def direction(tags: Tags) -> Direction:
    """One-way rules, `-1` and those that roundabouts and motorways imply included."""
    value = tags.get("oneway:motor_vehicle") or tags.get("oneway")
    if value in ("yes", "true", "1"):
        return Direction.FORWARD
    if value in ("-1", "reverse"):
        return Direction.BACKWARD
    if value == "reversible":
        return Direction.REVERSIBLE
    if value is None and (
        tags.get("junction") in ("roundabout", "circular") or tags.get("highway") == "motorway"
    ):
        return Direction.FORWARD
    return Direction.BOTH


def speed_kmh(tags: Tags, highway: str) -> tuple[float, float]:
    """Expected average speed (along the way, against it): the class's, or a share of the limit."""
    both = _limit_kmh(tags.get("maxspeed"))
    along = _limit_kmh(tags.get("maxspeed:forward")) or both
    against = _limit_kmh(tags.get("maxspeed:backward")) or both
    usual = CLASS_SPEED_KMH[highway]
    return (
        usual if along is None else along * SHARE_OF_LIMIT,
        usual if against is None else against * SHARE_OF_LIMIT,
    )


def _limit_kmh(text: str | None) -> float | None:
    """A limit in km/h; of several the lowest; None when absent or not understood."""
    if text is None:
        return None
    limits: list[float] = []
    for part in re.split(r"[;|]", text):
        word = part.strip().lower()
        match = _LIMIT.match(word)
        if match:
            limits.append(float(match[1]) * (1.609344 if match[2] == "mph" else 1.0))
        elif word in _LIMIT_WORDS_KMH:
            limits.append(_LIMIT_WORDS_KMH[word])
    limits = [limit for limit in limits if limit > 0]
    return max(min(limits), 5.0) if limits else None


def name_of(tags: Tags) -> str:
    """Chinese name first, then the local one, then a road number; one line, or empty."""
    for key in ("name:zh", "name:zh-Hans", "name", "ref"):
        value = tags.get(key)
        if value and value.strip():
            return " ".join(value.split())
    return ""


class Barrier(Enum):
    """What a node does to a vehicle that passes it."""

    BLOCKING = "blocking"
    GATE = "gate"
    TOLL = "toll"
    SIGNAL = "signal"


def barrier_at(tags: Tags) -> Barrier | None:
    """Bollards and the like stop a vehicle unless an access tag opens them; gates cost time.

    A gate stops a vehicle only when its access says no: compounds open for a gas leak.
    """
    kind = tags.get("barrier")
    if kind is None:
        return Barrier.SIGNAL if tags.get("highway") == "traffic_signals" else None
    access = _vehicle_access(tags)
    if kind in _BLOCKING_BARRIERS:
        return None if access in _OPEN_ACCESS else Barrier.BLOCKING
    if kind in _GATES or kind == "yes":
        return Barrier.BLOCKING if access in _SHUT_ACCESS else Barrier.GATE
    if kind == "toll_booth":
        return Barrier.TOLL
    return None


_AREA_KIND: Final[dict[str, dict[str, str]]] = {
    "natural": {
        "water": "water",
        "bay": "water",
        "wetland": "water",
        "wood": "green",
        "scrub": "green",
        "grassland": "green",
        "heath": "green",
    },
    "waterway": {"riverbank": "water", "dock": "water"},
    "landuse": {
        "reservoir": "water",
        "basin": "water",
        "forest": "green",
        "grass": "green",
        "meadow": "green",
        "recreation_ground": "green",
        "village_green": "green",
        "cemetery": "green",
        "farmland": "farmland",
        "farm": "farmland",
        "orchard": "farmland",
        "vineyard": "farmland",
        "allotments": "farmland",
        "residential": "residential",
        "commercial": "residential",
        "retail": "residential",
        "industrial": "industrial",
        "railway": "industrial",
    },
    "leisure": {
        "park": "green",
        "garden": "green",
        "golf_course": "green",
        "nature_reserve": "green",
        "pitch": "green",
        "playground": "green",
    },
}
AREA_KEYS: Final[tuple[str, ...]] = (*_AREA_KIND, "building")
_LINE_KIND: Final[dict[str, dict[str, str]]] = {
    "waterway": {"river": "river", "canal": "river", "stream": "stream"},
    "railway": {"rail": "rail", "light_rail": "rail", "tram": "rail"},
    "natural": {"coastline": "coastline"},
}
LINE_KEYS: Final[tuple[str, ...]] = tuple(_LINE_KIND)
_PLACES = frozenset(
    {"city", "town", "village", "hamlet", "suburb", "quarter", "neighbourhood"},
)


def area_kind(tags: Tags) -> str | None:
    """Which drawn area (AREA_KINDS) a closed way or multipolygon is, or None."""
    for key, kinds in _AREA_KIND.items():
        kind = kinds.get(tags.get(key) or "")
        if kind is not None:
            return kind
    return "building" if (tags.get("building") or "no") != "no" else None


def line_kind(tags: Tags) -> str | None:
    """Which drawn line (LINE_KINDS) a way is, or None; what runs in a tunnel is not drawn."""
    if (tags.get("tunnel") or "no") != "no":
        return None
    for key, kinds in _LINE_KIND.items():
        kind = kinds.get(tags.get(key) or "")
        if kind is not None:
            return kind
    return None


def point_kind(tags: Tags) -> str | None:
    """Which label (POINT_KINDS) a node is, or None."""
    place = tags.get("place")
    if place in _PLACES:
        return place
    return "station" if tags.get("railway") == "station" else None
