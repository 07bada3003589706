"""The plan of the invented town: where its arterials, cells, villages and country roads lie.

Only drafted coordinates (u along the river, v across it, metres) and names; no rule, no chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.drill.town_plane import bend

Corner = tuple[float, float]
Cell = tuple[float, float, float, float]
"""u from, u to, v from, v to."""


@dataclass(frozen=True, slots=True)
class Village:
    """An outlying village: its name and its middle, metres on the map."""

    name: str
    english: str
    x_m: float
    y_m: float


JIEFANG_U: Final = -450.0
FENGHUANG_U: Final = 1_500.0
NORTH_U: Final = (
    -2_520.0,
    -1_830.0,
    -1_180.0,
    JIEFANG_U,
    300.0,
    930.0,
    FENGHUANG_U,
    2_120.0,
    2_720.0,
)
SOUTH_U: Final = (
    -2_420.0,
    -1_690.0,
    -1_060.0,
    JIEFANG_U,
    240.0,
    880.0,
    FENGHUANG_U,
    2_180.0,
    2_790.0,
)
NORTH_V: Final = (95.0, 620.0, 1_190.0, 1_770.0)
SOUTH_V: Final = (-95.0, -610.0, -1_160.0, -1_740.0)
NEW_TOWN_U: Final = (3_300.0, 3_900.0, 4_480.0, 5_060.0, 5_660.0)
NEW_TOWN_V: Final = (120.0, 620.0, 1_190.0, 1_770.0)
INDUSTRY_U: Final = (-3_300.0, -3_950.0, -4_700.0, -5_450.0)
INDUSTRY_V: Final = (-420.0, -1_160.0, -1_800.0)

LAKE_CELL: Final = (240.0, 880.0, -1_740.0, -1_160.0)
PARK_CELL: Final = (930.0, 1_500.0, 1_190.0, 1_770.0)
CAMPUS_CELL: Final = (-2_420.0, -1_690.0, -1_160.0, -610.0)
PLAZA_CELL: Final = (4_480.0, 5_060.0, 620.0, 1_190.0)
OPEN_CELLS: Final = (LAKE_CELL, PARK_CELL, PLAZA_CELL)

_VILLAGES: Final = (
    ("石门村", "Shimen", -760, 4_230),
    ("龙潭村", "Longtan", 4_300, 3_900),
    ("马场村", "Machang", -4_050, 3_300),
    ("大坝村", "Daba", -5_250, 1_230),
    ("青山村", "Qingshan", -3_150, -3_760),
    ("云峰村", "Yunfeng", 210, -4_230),
    ("双河村", "Shuanghe", 4_050, -3_000),
    ("沙湾村", "Shawan", 5_400, -1_150),
)
COUNTRY_ROADS: Final[tuple[tuple[str, str, str, str, str | None, tuple[Corner, ...]], ...]] = (
    (
        "长北公路",
        "Changbei",
        "primary",
        "Highway",
        "S101",
        ((-450, 2_420), (-380, 3_000), (-640, 3_650), (-760, 4_230), (-420, 4_800), (-700, 6_400)),
    ),
    (
        "龙潭路",
        "Longtan",
        "secondary",
        "Road",
        None,
        (
            (2_260, 1_850),
            (2_800, 2_500),
            (3_500, 3_050),
            (4_300, 3_900),
            (5_500, 4_250),
            (7_900, 4_700),
        ),
    ),
    (
        "柳溪路",
        "Liuxi",
        "secondary",
        "Road",
        None,
        ((5_660, 620), (6_100, 700), (6_600, 520), (7_900, 900)),
    ),
    (
        "马场路",
        "Machang",
        "secondary",
        "Road",
        None,
        (
            (-2_420, 1_700),
            (-3_000, 2_350),
            (-3_500, 2_950),
            (-4_050, 3_300),
            (-5_100, 3_900),
            (-7_900, 4_500),
        ),
    ),
    (
        "大坝路",
        "Daba",
        "secondary",
        "Road",
        "S206",
        (
            (-3_300, 620),
            (-4_000, 760),
            (-4_700, 1_180),
            (-5_250, 1_230),
            (-6_100, 950),
            (-7_900, 1_500),
        ),
    ),
    (
        "白岩路",
        "Baiyan",
        "tertiary",
        "Road",
        None,
        ((-5_450, -1_160), (-6_100, -1_350), (-6_700, -1_150), (-7_900, -1_900)),
    ),
    (
        "青山路",
        "Qingshan",
        "secondary",
        "Road",
        None,
        (
            (-1_690, -2_190),
            (-2_150, -2_850),
            (-2_500, -3_350),
            (-3_150, -3_760),
            (-3_600, -4_600),
            (-4_200, -6_500),
        ),
    ),
    (
        "长南公路",
        "Changnan",
        "primary",
        "Highway",
        "G356",
        ((-450, -2_420), (-330, -3_150), (60, -3_700), (210, -4_230), (60, -4_900), (500, -6_500)),
    ),
    (
        "双河路",
        "Shuanghe",
        "secondary",
        "Road",
        None,
        (
            (2_460, -1_710),
            (3_000, -2_350),
            (3_600, -2_650),
            (4_050, -3_000),
            (4_900, -3_750),
            (5_900, -6_000),
        ),
    ),
    (
        "沙湾路",
        "Shawan",
        "secondary",
        "Road",
        "S206",
        (
            (3_440, -1_160),
            (4_000, -1_000),
            (4_700, -800),
            (5_400, -1_150),
            (6_200, -1_350),
            (7_900, -1_200),
        ),
    ),
    (
        "马石路",
        "Mashi",
        "tertiary",
        "Road",
        None,
        ((-4_050, 3_300), (-3_300, 3_950), (-2_300, 3_900), (-1_500, 4_350), (-760, 4_230)),
    ),
    (
        "石龙路",
        "Shilong",
        "tertiary",
        "Road",
        None,
        (
            (-760, 4_230),
            (400, 4_450),
            (1_400, 4_000),
            (2_400, 4_350),
            (3_300, 3_900),
            (4_300, 3_900),
        ),
    ),
    (
        "龙新路",
        "Longxin",
        "tertiary",
        "Road",
        None,
        ((4_300, 3_900), (4_850, 3_300), (4_700, 2_600), (5_060, 1_770)),
    ),
    (
        "坝马路",
        "Bama",
        "tertiary",
        "Road",
        None,
        ((-5_250, 1_230), (-5_000, 2_000), (-4_400, 2_600), (-4_050, 3_300)),
    ),
    (
        "青云路",
        "Qingyun",
        "tertiary",
        "Road",
        None,
        ((-3_150, -3_760), (-2_200, -4_150), (-1_300, -3_950), (-500, -4_350), (210, -4_230)),
    ),
    (
        "云双路",
        "Yunshuang",
        "tertiary",
        "Road",
        None,
        ((210, -4_230), (1_200, -3_800), (2_100, -3_950), (3_000, -3_350), (4_050, -3_000)),
    ),
    (
        "双沙路",
        "Shuangsha",
        "tertiary",
        "Road",
        None,
        ((4_050, -3_000), (4_700, -2_550), (4_900, -1_850), (5_400, -1_150)),
    ),
    (
        "园青路",
        "Yuanqing",
        "tertiary",
        "Road",
        None,
        ((-4_700, -1_800), (-4_500, -2_400), (-3_900, -2_900), (-3_150, -3_760)),
    ),
)
"""Name, pinyin, class, English suffix, road number, drafted corners."""

FIXED_NAMES: Final = frozenset({"迎宾大道", "站前路"} | {road[0] for road in COUNTRY_ROADS})


def villages() -> list[Village]:
    """The outlying villages in a fixed order."""
    return [Village(n, e, *bend([(u, v)])[0].tolist()) for n, e, u, v in _VILLAGES]
