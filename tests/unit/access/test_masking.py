"""Masks: what stays readable and, above all, what does not."""

import pytest

from server.access.masking import mask_identity_card, mask_name, mask_phone


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812341234", "138****1234"),
        ("138 1234 1234", "138****1234"),
        ("+86 138-1234-1234", "138****1234"),
        ("008613812341234", "138****1234"),
        ("0851-33525106", "085*****5106"),
        ("33525106", "335*5106"),
        ("3352510", "*****10"),
        ("110", "*10"),
        ("96", "**"),
        ("", ""),
        ("未知", ""),
    ],
)
def test_phone(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("张小三", "张**"),
        ("欧阳小明", "欧阳**"),
        ("欧阳", "欧*"),
        ("王", "*"),
        ("张 三", "张*"),
        ("John Smith", "J*** S****"),
        ("J", "*"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_name(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("520402199001011234", "520402********1234"),
        ("52040219900101123X", "520402********123X"),
        ("520402900101123", "*************23"),
        ("A1", "**"),
        ("", ""),
    ],
)
def test_identity_card(number: str, masked: str) -> None:
    assert mask_identity_card(number) == masked
