"""What things in the invented town are called: streets, lanes, compounds, people.

Only word lists and the rule that no street name is given twice. Every name is invented; one that
also exists somewhere is chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


def words(text: str) -> list[str]:
    """The words of a text, split at white space."""
    return text.split()


ROADS: Final = words("""
明德 Mingde 崇文 Chongwen 建设 Jianshe 中山 Zhongshan 和平 Heping 文化 Wenhua 学府 Xuefu
工农 Gongnong 胜利 Shengli 友谊 Youyi 新华 Xinhua 民主 Minzhu 青年 Qingnian 育才 Yucai
振兴 Zhenxing 团结 Tuanjie 光明 Guangming 幸福 Xingfu 朝阳 Chaoyang 东风 Dongfeng 红旗 Hongqi
前进 Qianjin 复兴 Fuxing 健康 Jiankang 体育 Tiyu 迎春 Yingchun 花园 Huayuan 湖滨 Hubin
凤翔 Fengxiang 龙泉 Longquan 金鸡 Jinji 翠屏 Cuiping 碧波 Bibo 紫薇 Ziwei 玉兰 Yulan
丹桂 Dangui 银杏 Yinxing 香樟 Xiangzhang 木棉 Mumian 梧桐 Wutong 海棠 Haitang 兴业 Xingye
创业 Chuangye 科技 Keji 恒通 Hengtong 诚信 Chengxin 共和 Gonghe 富民 Fumin 安康 Ankang
瑞祥 Ruixiang 泰和 Taihe 永宁 Yongning 长乐 Changle 东升 Dongsheng 西苑 Xiyuan 南湖 Nanhu
北辰 Beichen 黔中 Qianzhong 云岭 Yunling 乌江 Wujiang 清水 Qingshui 白云 Baiyun 金山 Jinshan
银河 Yinhe 星火 Xinghuo 五一 Wuyi 八一 Bayi 七彩 Qicai 百花 Baihua 千禧 Qianxi 万福 Wanfu
天成 Tiancheng 民生 Minsheng 惠民 Huimin 利民 Limin 环翠 Huancui 映山 Yingshan 望江 Wangjiang
临江 Linjiang 揽月 Lanyue 观澜 Guanlan 听涛 Tingtao 书院 Shuyuan 文昌 Wenchang 武胜 Wusheng
德胜 Desheng 仁爱 Renai 义和 Yihe 礼泉 Liquan 宏图 Hongtu 信达 Xinda 广源 Guangyuan
鸿运 Hongyun 盛世 Shengshi 同心 Tongxin 致远 Zhiyuan 锦绣 Jinxiu 世纪 Shiji 腾飞 Tengfei
开元 Kaiyuan 启明 Qiming 晨曦 Chenxi 春晓 Chunxiao 夏荷 Xiahe 秋实 Qiushi 冬青 Dongqing
松涛 Songtao 竹韵 Zhuyun 梅岭 Meiling 兰亭 Lanting 菊园 Juyuan 芙蓉 Furong 牡丹 Mudan
茶园 Chayuan 桃源 Taoyuan 杏林 Xinglin 枫林 Fenglin 柏杨 Baiyang 槐荫 Huaiyin 桂花 Guihua
石榴 Shiliu 樱花 Yinghua 杜鹃 Dujuan 丁香 Dingxiang 茉莉 Moli 荷塘 Hetang 翡翠 Feicui
珍珠 Zhenzhu 琥珀 Hupo 玛瑙 Manao 水晶 Shuijing 金秋 Jinqiu 迎宾 Yingbin 会展 Huizhan
站前 Zhanqian 物流 Wuliu 钢铁 Gangtie 机床 Jichuang 轴承 Zhoucheng 纺织 Fangzhi 化工 Huagong
电力 Dianli 建材 Jiancai 轻工 Qinggong 航空 Hangkong 航天 Hangtian 高新 Gaoxin 产业 Chanye
仓储 Cangchu 工业 Gongye 环保 Huanbao 新能 Xinneng 云帆 Yunfan 星海 Xinghai 明珠 Mingzhu
锦江 Jinjiang 凯旋 Kaixuan 康庄 Kangzhuang 景明 Jingming 清风 Qingfeng
""")

LANES: Final = words("""
钟鼓楼 Zhonggulou 城隍庙 Chenghuangmiao 文庙 Wenmiao 府前 Fuqian 县衙 Xianya 考棚 Kaopeng
书铺 Shupu 打铁 Datie 银匠 Yinjiang 染坊 Ranfang 豆腐 Doufu 米市 Mishi 油榨 Youzha
盐行 Yanhang 布市 Bushi 马市 Mashi 牛市 Niushi 鱼市 Yushi 柴市 Chaishi 草鞋 Caoxie
灯笼 Denglong 伞铺 Sanpu 酒坊 Jiufang 醋坊 Cufang 糖坊 Tangfang 茶亭 Chating 井泉 Jingquan
双井 Shuangjing 大井 Dajing 龙井 Longjing 甜井 Tianjing 石板 Shiban 石坊 Shifang 牌坊 Paifang
状元 Zhuangyuan 进士 Jinshi 举人 Juren 翰林 Hanlin 学宫 Xuegong 棂星 Lingxing 箭道 Jiandao
校场 Jiaochang 营盘 Yingpan 炮台 Paotai 城墙 Chengqiang 东门 Dongmen 西门 Ximen 南门 Nanmen
北门 Beimen 水关 Shuiguan 月城 Yuecheng 瓮城 Wengcheng 塔山 Tashan 观音 Guanyin 关帝 Guandi
药王 Yaowang 火神 Huoshen 龙王 Longwang 土地 Tudi 三官 Sanguan 玉皇 Yuhuang 清真 Qingzhen
报恩 Baoen 圆通 Yuantong 竹器 Zhuqi 木器 Muqi 铜器 Tongqi 砂锅 Shaguo 皮匠 Pijiang
裁缝 Caifeng 雕花 Diaohua 银杏坝 Yinxingba 槐树 Huaishu 皂角 Zaojiao 桑园 Sangyuan 枇杷 Pipa
石榴园 Shiliuyuan 菜园 Caiyuan 花街 Huajie 后营 Houying 杨家 Yangjia 顾家 Gujia 蒋家 Jiangjia
谢家 Xiejia 周家 Zhoujia 刘家 Liujia 陈家 Chenjia 朱家 Zhujia 孙家 Sunjia 马家 Majia
徐家 Xujia 何家 Hejia 罗家 Luojia 梁家 Liangjia 宋家 Songjia 郑家 Zhengjia 半边 Banbian
九曲 Jiuqu 羊肠 Yangchang 丁字 Dingzi 扁担 Biandan 曲尺 Quchi 簸箕 Boji 葫芦 Hulu
""")

COMPOUND_FIRST: Final = words("""
锦绣 阳光 明湖 翠屏 金色 滨江 凤凰 长明 龙泉 天成 盛世 御景 桂花 香樟 和谐 幸福 丽水 银河 学府
书香 东方 南苑 北苑 西城 世纪 康乐 怡和 春江 紫荆 碧水 万和 恒福 瑞景 汇景 鸿福 德馨 同心 安居
祥和 馨苑
""")
COMPOUND_LAST: Final = words("""
花园 家园 小区 新村 雅苑 名城 华府 公寓 半岛 新城
""")

SURNAMES: Final = words("""
王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程
曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方
石 姚 谭 廖 邹 熊 金 陆 郝 孔 白
""")
GIVEN: Final = words("""
伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀兰 霞 平 刚 桂英 建国 建华 志强 志远 海燕
晓东 晓红 文彬 文静 春梅 国庆 国栋 玉梅 玉兰 金凤 俊峰 俊杰 雪梅 丽华 永康 永福 大勇 小龙 德明
德胜 光荣 光辉 思远 思琪 子涵 子轩 雨桐 梓萱 浩然 佳怡 欣怡 宇航 成林 成武 红梅 爱民 爱华 兴旺
长青 长贵
""")
SHOPS: Final = words("""
老长明牛肉粉 水城羊肉馆 黔味酸汤鱼 聚福楼火锅 小二饺子馆 兰香烤肉店 夜来香烧烤 福满园酒家
明湖大酒店 老街豆花面 三江鱼庄 喜洋洋早餐 金牌卤味 四季汤包 老作坊馒头店 川湘小厨 回味居
天天快餐 乡村土菜馆 百味轩 洁雅洗衣店 清泉浴室 阳光幼儿园食堂 惠民超市熟食 鸿运茶楼
康乐养老院食堂 新世纪宾馆 云来客栈 家常菜馆 蜀香串串
""")

_KINDS: Final = {"大道": "Avenue", "路": "Road", "街": "Street", "巷": "Lane", "公路": "Highway"}


@dataclass(frozen=True, slots=True)
class StreetName:
    """A Chinese street name and its pinyin form for `name:en`."""

    chinese: str
    english: str


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


class NameStock:
    """Hands out street and compound names, each once, in an order fixed by the seed.

    Raises ValueError when more are asked for than the lists hold: a town that outgrows its
    names should say so and not repeat one.
    """

    def __init__(self, chance: random.Random, taken: set[str]) -> None:
        self._taken = set(taken)
        self._roads = self._shuffled(chance, ROADS)
        self._lanes = self._shuffled(chance, LANES)
        pairs = [first + last for last in COMPOUND_LAST for first in COMPOUND_FIRST]
        chance.shuffle(pairs)
        self._compounds = iter(pairs)

    @staticmethod
    def _shuffled(chance: random.Random, words: list[str]) -> Iterator[tuple[str, str]]:
        pairs = _pairs(words)
        chance.shuffle(pairs)
        return iter(pairs)

    def road(self, suffix: str = "路") -> StreetName:
        """A name for an ordinary street; `suffix` is 大道, 路 or 街."""
        return self._next(self._roads, suffix)

    def spare_road(self, suffix: str) -> StreetName | None:
        """A name for a minor street, or None when the list has run out: such may go unnamed."""
        try:
            return self.road(suffix)
        except ValueError:
            return None

    def lane(self) -> StreetName:
        """A name for a lane of the old town."""
        return self._next(self._lanes, "巷")

    def compound(self) -> str:
        """A name for a residential compound (小区)."""
        for name in self._compounds:
            if name not in self._taken:
                self._taken.add(name)
                return name
        raise ValueError("the town has more compounds than names for them")

    def _next(self, stock: Iterator[tuple[str, str]], suffix: str) -> StreetName:
        for chinese, pinyin in stock:
            name = StreetName(chinese + suffix, f"{pinyin} {_KINDS[suffix]}")
            if name.chinese not in self._taken:
                self._taken.add(name.chinese)
                return name
        raise ValueError(f"the town has more streets ending in {suffix} than names for them")


def person(chance: random.Random) -> str:
    """An invented person's name."""
    return chance.choice(SURNAMES) + chance.choice(GIVEN)
