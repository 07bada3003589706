"""Sheets: what Excel opens in Chinese, and text that never becomes a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, datetime

import pytest

from server.reporting.sheets import Column, Table, safe, to_csv, to_xlsx
from server.reporting.wire import Text
from tests.worktimes import SHANGHAI

AT = datetime(2026, 11, 30, 16, 5, 6, tzinfo=UTC)
COLUMNS = (
    Column(Text("名称", "Name"), "text"),
    Column(Text("数", "Count"), "count"),
    Column(Text("率", "Share"), "percent"),
    Column(Text("用时", "Taken"), "seconds"),
    Column(Text("起点", "Started"), "instant"),
)
HOSTILE = [
    "=1+1",
    "+cmd|'/C calc'!A0",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u3000=1",
]
NOTES = [(Text("片区", "Zone"), "=HYPERLINK(1)")]


def table(text: str | None) -> Table:
    return Table("条款 Clauses", COLUMNS, [[text, 3, 66.66, 90_061.0, AT], [None] * 5])


def read(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_says_everything_in_order() -> None:
    rows = read(to_csv([(Text("时间", "Made"), "x")], [table("贵州")], SHANGHAI))
    assert rows[0] == ["时间 Made", "x"]
    assert rows[2] == ["条款 Clauses"]
    assert rows[3][3] == "用时 Taken (秒 s)"
    assert rows[4] == ["贵州", "3", "66.66", "90061", "2026-12-01 00:05:06+08:00"]
    assert rows[5] == [""] * 5


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_formula_in_csv(text: str) -> None:
    rows = read(to_csv(NOTES, [table(text)], SHANGHAI))
    assert rows[0][1] == "'=HYPERLINK(1)"
    assert rows[4][0] == f"'{text}"


@pytest.mark.parametrize("text", ["贵州", "T34", "3-1", "a=b", "", "(1)"])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize("text", [*HOSTILE, "https://example.test", "12", "[1]"])
def test_no_text_is_a_formula_a_link_or_a_number_in_xlsx(text: str) -> None:
    content = to_xlsx(NOTES, [table(text)], SHANGHAI, made_at=AT)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2)]
        strings = book.read("xl/sharedStrings.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert not any("<f>" in one or "<f " in one or "hyperlink" in one for one in sheets)
    assert re.search(r'<c r="A2" s="\d+" t="s">', sheets[0])
    assert "=HYPERLINK(1)" in strings
    assert 'quotePrefix="1"' in styles


def test_figures_are_figures_in_xlsx() -> None:
    content = to_xlsx(NOTES, [table("贵州")], SHANGHAI, made_at=AT)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
        names = book.read("xl/workbook.xml").decode()
    assert re.search(r'<c r="B2" s="\d+"><v>3</v>', sheet)
    assert re.search(r'<c r="C2" s="\d+"><v>0.6666</v>', sheet)
    assert "[h]:mm:ss" in styles
    assert re.search(r'<c r="B3" s="\d+"/>', sheet), "nothing counted is an empty cell, not zero"
    assert "条款 Clauses" in names
    assert "说明 Notes" in names
