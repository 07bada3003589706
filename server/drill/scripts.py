"""What callers of a drill say, and what is behind it: invented leaks of several kinds.

Pure text and numbers. Not here: who rings when (`scenario`), how crews behave (`habits`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """One kind of call. `sayings` are callers' words; {place} stands for the address."""

    key: str
    weight: float
    kind: str
    """gas_emergency or other_repair: what the operator takes it for."""
    places: tuple[str, ...]
    """Kinds of premises it happens at: flat, house, shop, farmhouse."""
    setting: str
    facts: frozenset[str]
    sayings: tuple[str, ...]
    causes: tuple[str, ...]
    """What the crew finds."""
    methods: tuple[str, ...]
    """How it is made safe."""
    repairs: tuple[str, ...]
    lel_percent: tuple[float, float]
    """The first reading's range, %LEL."""
    second_callers: float = 0.0
    """Probability that somebody else rings about the same."""
    second_sayings: tuple[str, ...] = field(default=())
    people: tuple[int, int] = (1, 4)


_KITCHEN: Final = (
    "灶具软管老化开裂",
    "灶具软管接头松动",
    "灶前阀内漏",
    "表后接头密封垫老化",
    "灶具旋塞阀关闭不严",
)

SCRIPTS: Final = (
    Script(
        key="indoor_smell",
        weight=34,
        kind="gas_emergency",
        places=("flat", "house"),
        setting="indoor",
        facts=frozenset({"smell"}),
        sayings=(
            "你好，我家厨房有股很重的煤气味，开了窗还有。我在{place}。",
            "喂，燃气公司吗？一进门就闻到臭鸡蛋味，{place}，麻烦快点来看看。",
            "我妈说厨房里有煤气味，她在{place}，一个人在家，有点害怕。",
            "做饭的时候老是闻到燃气味，灶台下面更明显，{place}。",
        ),
        causes=_KITCHEN,
        methods=("关闭表前阀，开窗通风",),
        repairs=("更换燃气软管并加装管卡", "更换灶前阀", "重新紧固接头并更换密封垫"),
        lel_percent=(4, 18),
    ),
    Script(
        key="stairwell_smell",
        weight=14,
        kind="gas_emergency",
        places=("flat",),
        setting="indoor",
        facts=frozenset({"smell"}),
        sayings=(
            "我们楼道里煤气味很大，从二楼到五楼都有，{place}这个单元。",
            "楼梯间有燃气味，好几家都闻到了，在{place}。",
        ),
        causes=("楼栋立管活接渗漏", "楼道调压箱接口渗漏", "入户三通丝扣锈蚀渗漏"),
        methods=("关闭单元总阀，打开楼道窗通风",),
        repairs=("更换立管活接并做气密性试验", "更换锈蚀管段"),
        lel_percent=(8, 28),
        second_callers=0.45,
        second_sayings=("我也是这栋楼的，楼道里气味好大，有人来了吗？{place}。",),
        people=(6, 30),
    ),
    Script(
        key="alarm_sounding",
        weight=16,
        kind="gas_emergency",
        places=("flat", "shop"),
        setting="indoor",
        facts=frozenset({"alarm_sounding"}),
        sayings=(
            "家里的燃气报警器一直响，停不下来，{place}。",
            "店里后厨的报警器叫了，我们已经出来了，地址是{place}。",
        ),
        causes=("灶具熄火保护失灵，少量泄漏", "灶前阀内漏", "软管被鼠咬破"),
        methods=("关闭灶前阀和表前阀，通风",),
        repairs=("更换灶前阀", "更换金属波纹软管"),
        lel_percent=(2, 12),
    ),
    Script(
        key="controlled",
        weight=10,
        kind="gas_emergency",
        places=("flat", "house"),
        setting="indoor",
        facts=frozenset({"valve_shut", "smell_gone"}),
        sayings=("刚才有煤气味，我把表前的阀门关了，现在闻不到了，请派人来检查一下，{place}。",),
        causes=("灶具软管老化开裂", "热水器进气接头松动"),
        methods=("阀门已关，复测无燃气",),
        repairs=("更换燃气软管并加装管卡", "重新紧固接头并更换密封垫"),
        lel_percent=(0, 3),
    ),
    Script(
        key="dug_up",
        weight=6,
        kind="gas_emergency",
        places=("shop", "house"),
        setting="outdoor",
        facts=frozenset({"pipe_struck", "hiss", "smell", "digging_near"}),
        sayings=(
            "工地挖机把燃气管挖断了，气喷得很响！就在{place}门口的路上！",
            "修路的把管子挖破了，黄色的管子，呼呼地漏气，{place}旁边。",
        ),
        causes=("施工挖断中压 PE 管", "顶管施工碰伤低压管"),
        methods=("关闭上下游阀门，设置警戒区", "夹管器止气，设置警戒区"),
        repairs=("更换 PE 管段，电熔焊接并置换", "抢修管卡封堵后更换管段"),
        lel_percent=(30, 80),
        second_callers=0.6,
        second_sayings=("{place}门口在漏气，味道很大，好多人在看！",),
        people=(10, 60),
    ),
    Script(
        key="outdoor_smell",
        weight=10,
        kind="gas_emergency",
        places=("shop", "house", "farmhouse"),
        setting="outdoor",
        facts=frozenset({"smell"}),
        sayings=(
            "路边的井盖里冒出煤气味，在{place}前面。",
            "每天路过都闻到一股煤气味，就在{place}附近，今天特别重。",
        ),
        causes=("阀门井法兰垫片老化渗漏", "低压支管腐蚀穿孔", "凝水缸接口渗漏"),
        methods=("关闭支线阀门，强制通风",),
        repairs=("更换法兰垫片", "抢修管卡堵漏"),
        lel_percent=(6, 35),
        second_callers=0.2,
        second_sayings=("{place}门口有煤气味，是不是漏气了？",),
    ),
    Script(
        key="fire",
        weight=3,
        kind="gas_emergency",
        places=("flat", "shop"),
        setting="indoor",
        facts=frozenset({"fire", "smell"}),
        sayings=("着火了！灶台那里着火了，燃气管子那儿在烧！{place}！已经打了119！",),
        causes=("软管脱落引燃", "灶具软管被烧穿"),
        methods=("配合消防降压灭火后关闭表前阀",),
        repairs=("更换烧损管段和软管，做气密性试验",),
        lel_percent=(5, 25),
        second_callers=0.7,
        second_sayings=("我们楼上着火了，听说是煤气，{place}！",),
        people=(5, 30),
    ),
    Script(
        key="poisoning",
        weight=2,
        kind="gas_emergency",
        places=("flat", "house"),
        setting="indoor",
        facts=frozenset({"poisoned"}),
        sayings=("我爱人洗澡的时候晕倒在卫生间了，头痛想吐，怀疑煤气中毒，{place}，120已经打了。",),
        causes=("热水器烟道脱落，一氧化碳倒灌",),
        methods=("关闭热水器进气阀，通风，移交120",),
        repairs=("停用热水器并张贴隐患告知单",),
        lel_percent=(0, 2),
        people=(2, 5),
    ),
    Script(
        key="no_gas",
        weight=14,
        kind="other_repair",
        places=("flat", "shop", "farmhouse"),
        setting="indoor",
        facts=frozenset(),
        sayings=(
            "我家突然打不着火了，没气，卡里还有钱，{place}。",
            "火特别小，烧不开水，{place}，麻烦来看一下。",
        ),
        causes=("燃气表电池欠压关阀", "表前过滤网堵塞", "调压器出口压力偏低"),
        methods=("更换电池后恢复供气", "清洗过滤网后恢复供气"),
        repairs=("更换燃气表电池", "清洗过滤网", "重新设定调压器"),
        lel_percent=(0, 0.5),
    ),
)


def script_behind(words: str) -> Script:
    """The script a caller's words come from; an indoor leak for words that no script has."""
    for script in SCRIPTS:
        for saying in (*script.sayings, *script.second_sayings):
            head, _, tail = saying.partition("{place}")
            if words.startswith(head) and words.endswith(tail) and len(head) + len(tail) > 4:
                return script
    return SCRIPTS[0]
