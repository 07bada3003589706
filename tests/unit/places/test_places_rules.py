"""Addresses brought to the form that is searched."""

import pytest

from server.places.rules import digits, normalise, sought_words


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("东风路 3 号楼", "东风路3栋"),
        ("东风路三号楼", "东风路3栋"),
        ("东风路３幢", "东风路3栋"),
        ("东风路3座", "东风路3栋"),
        ("锦绣苑12栋2单元501房", "锦绣苑12栋2单元501室"),
        ("锦绣苑十二栋二单元五〇一室", "锦绣苑12栋2单元501室"),
        ("二十一号", "21号"),
        ("十号", "10号"),
        ("A座，B-2", "a栋b2"),
        ("（旧）粮站", "旧粮站"),
        ("", ""),
    ],
)
def test_one_place_said_in_many_ways(said: str, written: str) -> None:
    assert normalise(said) == written


def test_normalising_twice_changes_nothing() -> None:
    once = normalise("东风路十二号楼 Ａ座")
    assert normalise(once) == once


def test_words_of_a_search() -> None:
    assert sought_words("东风路 3号楼") == ["东风路", "3栋"]
    assert sought_words(" 100% _ ") == ["100"]
    assert sought_words("东") == []
    assert sought_words("%") == []
    assert sought_words("东 风") == ["东", "风"]


@pytest.mark.parametrize(
    ("phone", "plain"),
    [("+86 138-1234-1234", "13812341234"), ("0851-33525106", "085133525106"), ("无", "")],
)
def test_digits(phone: str, plain: str) -> None:
    assert digits(phone) == plain
