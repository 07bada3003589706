"""The invented company's papers: its people, crews, stations, customers; the shape of town.json.

Every name is invented; telephone numbers begin with 1990000 so that nobody can take them for a
person's, plates carry a province that does not exist. The demo sign-ins are public on purpose.
"""

from __future__ import annotations

import random
import re
from typing import Final

import msgspec
import shapely

from server.drill.town_buildings import Building
from server.drill.town_names import SHOPS, person
from server.drill.town_plane import bend, to_lonlat

COMPANY_CODE: Final = "changming-demo"
DEMO_PASSWORD: Final = "changming-demo"  # noqa: S105  It opens an invented company, for everybody.

DRILL_OPERATOR: Final = "drill-operator"
DRILL_DISPATCHER: Final = "drill-dispatcher"
DRILL_SUPERVISOR: Final = "drill-supervisor"
DRILL_CLERKS: Final = (
    "drill-manager",
    DRILL_OPERATOR,
    "drill-operator2",
    DRILL_DISPATCHER,
    "drill-contractor",
    DRILL_SUPERVISOR,
    "drill-inspector",
    "drill-administrator",
)
"""Who plays the offices in a drill of business, in the order in which they are asked."""


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant to create."""

    code: str
    name_zh: str
    name_en: str
    time_zone: str
    policy_pack: str


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """Where crews wait; WGS-84 degrees."""

    code: str
    name: str
    address: str
    phone: str
    lon: float
    lat: float


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in; `password` only for those whose sign-in the demo shows."""

    username: str
    name: str
    roles: tuple[str, ...]
    password: str | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A crew member: a person's username and skills (words of the policy packs)."""

    username: str
    name: str
    skills: tuple[str, ...]


class Crew(msgspec.Struct, frozen=True, kw_only=True):
    """A crew; its first member carries the phone."""

    code: str
    name: str
    station: str
    vehicle_plate: str
    vehicle_kind: str
    kit: tuple[str, ...]
    members: tuple[Member, ...]


class Premises(msgspec.Struct, frozen=True, kw_only=True):
    """A place that takes gas, with its customer; WGS-84 degrees."""

    code: str
    address: str
    lon: float
    lat: float
    kind: str
    """flat, house, shop or farmhouse: which callers' scripts fit."""
    customer_name: str
    customer_phone: str
    meter_no: str


class Papers(msgspec.Struct, frozen=True, kw_only=True):
    """All of town.json."""

    company: Company
    stations: tuple[Station, ...]
    people: tuple[Person, ...]
    crews: tuple[Crew, ...]
    premises: tuple[Premises, ...]


_OFFICE: Final = (
    ("dispatcher", "周敏", ("dispatcher",)),
    ("dispatcher2", "罗建国", ("dispatcher",)),
    ("operator", "杨静", ("operator",)),
    ("operator2", "谢佳怡", ("operator",)),
    ("supervisor", "何文彬", ("supervisor", "dispatcher")),
    ("manager", "宋丽华", ("account_manager",)),
    ("contractor", "马长贵", ("contractor",)),
    ("admin", "顾明", ("administrator",)),
    ("auditor", "冯思远", ("auditor",)),
)
_DRILL_STAFF: Final = (
    (DRILL_OPERATOR, "演练接警员", ("operator",)),
    (DRILL_DISPATCHER, "演练调度员", ("dispatcher",)),
    (DRILL_SUPERVISOR, "演练值班长", ("supervisor",)),
    ("drill-manager", "演练客户经理", ("account_manager",)),
    ("drill-operator2", "演练回访员", ("operator",)),
    ("drill-contractor", "演练施工员", ("contractor",)),
    ("drill-inspector", "演练督查员", ("supervisor",)),
    ("drill-administrator", "演练管理员", ("administrator",)),
)
"""Who plays the desk in a drill, under names of their own: a visitor's deeds stay a visitor's."""
_BY_DAY: Final = ("抢4", "抢8", "维3", "维4")
_ORDINALS: Final = "一二三四五六七八"
_LEAK: Final = ("leak_response", "repair")


def shift_hours(crew_code: str) -> int:
    """How long a crew's shift from 08:00 lasts.

    Most crews stand by around the clock; some only by day, as real rosters thin out at night.
    """
    return 12 if crew_code in _BY_DAY else 24


def premises_kind(address: str) -> str:
    """flat, house, shop or farmhouse, by the form of an address."""
    if address.endswith("室"):
        return "flat"
    if re.fullmatch(r".+村\d+号", address):
        return "farmhouse"
    return "house" if address.endswith("号") else "shop"


def draw_up(chance: random.Random, buildings: list[Building]) -> Papers:
    """The papers of the demo company in a town with these buildings."""
    stations = (
        _station(buildings, "CZ", "城中站", (560, 470)),
        _station(buildings, "CN", "城南站", (-760, -1_380)),
    )
    crews = _crews(chance)
    field = [
        Person(username=m.username, name=m.name, roles=("crew_member",), password=None)
        for crew in crews
        for m in crew.members
    ]
    field[0] = msgspec.structs.replace(field[0], password=DEMO_PASSWORD)
    return Papers(
        company=Company(
            code=COMPANY_CODE,
            name_zh="长明市燃气（演示）",
            name_en="Changming City Gas (demo)",
            time_zone="Asia/Shanghai",
            policy_pack="default",
        ),
        stations=stations,
        people=(*desk_people(), *field),
        crews=crews,
        premises=_premises(chance, buildings),
    )


def office_sign_ins() -> list[Person]:
    """The people of the office whose sign-ins the demo shows."""
    return [Person(username=u, name=n, roles=r, password=DEMO_PASSWORD) for u, n, r in _OFFICE]


def desk_people() -> list[Person]:
    """Everybody at the company's desks: those whose sign-ins the demo shows, and the drill's."""
    drill = [
        Person(username=u, name=n, roles=r, password=DEMO_PASSWORD) for u, n, r in _DRILL_STAFF
    ]
    return [*office_sign_ins(), *drill]


def drill_clerks() -> list[Person]:
    """The people of `DRILL_CLERKS`, in that order."""
    known = {u: (n, r) for u, n, r in _DRILL_STAFF}
    return [
        Person(username=u, name=known[u][0], roles=known[u][1], password=DEMO_PASSWORD)
        for u in DRILL_CLERKS
    ]


def _station(buildings: list[Building], code: str, name: str, at: tuple[float, float]) -> Station:
    spot = shapely.Point(*bend([at])[0])
    addressed = [house for house in buildings if house.street and house.kind != "house"]
    home = min(addressed, key=lambda house: float(house.polygon.distance(spot)))
    lon, lat = to_lonlat(shapely.get_coordinates(home.polygon.centroid))[0].tolist()
    address = f"{home.street}{home.housenumber}号"
    return Station(code=code, name=name, address=address, phone="", lon=lon, lat=lat)


def _crews(chance: random.Random) -> tuple[Crew, ...]:
    """Eight emergency crews and four repair crews; a few lack something, so that rules show."""
    full = ("gas_detector", "ppe", "fittings", "ventilator", "signs", "extinguisher")
    crews = []
    for number in range(1, 9):
        kit: tuple[str, ...] = (*full, "pipe_clamp") if number in (1, 2, 5) else full
        if number == 7:
            kit = tuple(word for word in full if word != "ventilator")
        crews.append(_crew(chance, "抢", number, "CZ" if number <= 5 else "CN", kit, "rescue_van"))
    for number in range(1, 5):
        kit = (
            ("ppe", "fittings", "signs")
            if number == 2
            else ("gas_detector", "ppe", "fittings", "signs")
        )
        crews.append(_crew(chance, "维", number, "CZ" if number <= 2 else "CN", kit, "van"))
    return tuple(crews)


def _crew(
    chance: random.Random,
    letter: str,
    number: int,
    station: str,
    kit: tuple[str, ...],
    vehicle: str,
) -> Crew:
    emergency = letter == "抢"
    prefix = "q" if emergency else "w"
    staff = 3 if emergency and number in (1, 5, 8) else 2
    members = []
    for index in range(staff):
        skills: tuple[str, ...] = _LEAK if emergency else ("repair", "ignition")
        if emergency and index == 0:
            skills = (*_LEAK, "plugging")
        elif not emergency and index == 0:
            skills = ("repair", "ignition", "plugging")
        username = f"{prefix}{number}-{index + 1}"
        members.append(Member(username=username, name=person(chance), skills=skills))
    return Crew(
        code=f"{letter}{number}",
        name=f"{'抢修' if emergency else '维修'}{_ORDINALS[number - 1]}班",
        station=station,
        vehicle_plate=f"长A·{'Q' if emergency else 'W'}{100 + number * 7:04d}",
        vehicle_kind=vehicle,
        kit=kit,
        members=tuple(members),
    )


def _premises(chance: random.Random, buildings: list[Building]) -> tuple[Premises, ...]:
    """About 1,500 places with gas: flats for the most part, then old houses, shops, villages."""
    flats = [b for b in buildings if b.kind == "apartments" and b.compound]
    houses = [b for b in buildings if b.district == "old" and b.street]
    shops = [b for b in buildings if b.kind == "commercial" and b.street]
    farms = [b for b in buildings if b.district == "village" and b.compound]
    places: list[tuple[str, str, Building]] = []
    taken: set[str] = set()
    plans = (
        ("flat", flats, 1_060),
        ("house", houses, 190),
        ("shop", shops, 150),
        ("farmhouse", farms, 100),
    )
    for kind, stock, count in plans:
        found = 0
        while found < count:
            home = chance.choice(stock)
            address = _address(chance, kind, home)
            if address not in taken:
                taken.add(address)
                places.append((kind, address, home))
                found += 1
    phones = chance.sample(range(10_000), len(places))
    return tuple(
        _place(chance, kind, address, home, number, phone)
        for number, ((kind, address, home), phone) in enumerate(zip(places, phones, strict=True), 1)
    )


def _address(chance: random.Random, kind: str, home: Building) -> str:
    if kind == "flat":
        floor = chance.randint(1, home.levels)
        stair, door = chance.randint(1, 3), chance.randint(1, 4)
        flat = f"{home.compound}{home.number}栋{stair}单元{floor}0{door}室"
        return (
            f"{home.street}{home.housenumber}号{flat}"
            if home.street and chance.random() < 0.5
            else flat
        )
    if kind == "shop":
        return f"{home.street}{home.housenumber}号{chance.choice(SHOPS)}"
    if kind == "farmhouse":
        return f"{home.compound}{home.number}号"
    return f"{home.street}{home.housenumber}号"


def _place(
    chance: random.Random, kind: str, address: str, home: Building, number: int, phone: int
) -> Premises:
    a, b, c, _ = shapely.get_coordinates(home.polygon)[:4]
    spot = a + (b - a) * chance.uniform(0.15, 0.85) + (c - b) * chance.uniform(0.2, 0.8)
    lon, lat = to_lonlat(spot)[0].tolist()
    return Premises(
        code=f"CM{number:06d}",
        address=address,
        lon=lon,
        lat=lat,
        kind=kind,
        customer_name=person(chance),
        customer_phone=f"1990000{phone:04d}",
        meter_no=f"CMQ{chance.randrange(10**8):08d}",
    )
