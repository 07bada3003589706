"""Templates: what they show, what they refuse, what they cannot reach."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pylopdf_fonts_zh_cn
import pypdf
import pytest

from server.forms.pdf import to_pdf
from server.forms.rendering import Head, render, spoken_moment, yuan
from server.forms.rules import FormTemplateBroken, FormValuesMissing
from server.policy.loading import load_pack, shipped_packs

HEAD = Head(
    form_id="x",
    zh="某单",
    en="A form",
    number="20261121-0007",
    sheet_version=2,
    versioned=True,
    issued_at=datetime(2026, 11, 21, 16, 30, tzinfo=UTC),
    state="issued",
    company_zh="长明燃气有限公司",
    company_en="Changming Gas",
    phone="96977",
    time_zone="Asia/Shanghai",
    signatures=(
        {"as": "customer", "zh": "用户", "en": "Customer", "name": "张三丰",
         "signed_at": datetime(2026, 11, 21, 16, 40, tzinfo=UTC)},
        {"as": "contractor", "zh": "施工单位", "en": "Contractor", "name": None,
         "signed_at": None},
    ),
)  # fmt: skip

FILLED: dict[str, Any] = {
    "case_number": "20261120-0003",
    "applicant_name": "张三丰",
    "place_text": "明德路 12 号 3 单元 502",
    "words": "支管更换",
    "starts_at": "2026-11-25T01:00:00Z",
    "ends_at": "2026-11-25T08:00:00Z",
    "addresses": ["明德路 12 号", "明德路 14 号"],
    "documents": [{"zh": "房产证", "deferred": True, "due_at": "2026-12-05"}],
    "reasons": ["区域压力不满足"],
    "fees": [{"zh": "封堵费", "amount_fen": 8000, "source": "公示价目"}],
    "total_fen": 8000,
    "rows": [{"zh": "踏勘结论", "en": "Finding", "value": True}],
}

FORMS = [(pack, form.id) for pack in shipped_packs() for form in load_pack(pack).forms]


def show(template: str, **values: Any) -> str:
    return render({"x": template}, HEAD, values)


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize(("pack", "form_id"), FORMS)
def test_every_shipped_form_shows_its_title_number_and_company(pack: str, form_id: str) -> None:
    loaded = load_pack(pack)
    zh = next(form.zh for form in loaded.forms if form.id == form_id)
    head = msgspec.structs.replace(HEAD, form_id=form_id, zh=zh)
    page = render(loaded.templates, head, FILLED)
    for wanted in (zh, "20261121-0007", "长明燃气有限公司", "第 2 版", "张三丰", "施工单位"):
        assert wanted in page


def test_what_was_given_is_escaped() -> None:
    page = show("{{ given('words') }}|{{ words }}", words="<script>alert(1)</script>&")
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;") == 2


def test_what_was_not_given_is_a_blank_where_the_template_allows_it() -> None:
    assert show("[{{ given('nothing') }}][{{ given('nothing', '无') }}]") == "[][无]"


@pytest.mark.parametrize(
    ("template", "missing"),
    [("{{ need('reasons', 'words') }}", "reasons / words"), ("{{ bare }}", "bare")],
)
def test_a_form_without_what_it_needs_is_refused(template: str, missing: str) -> None:
    with pytest.raises(FormValuesMissing) as refused:
        show(template, reasons=[], words="")
    assert missing in refused.value.text("zh")
    assert "某单" in refused.value.text("zh")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ form.__class__ }}",
        "{{ given.__globals__ }}",
        "{{ need.__code__ }}",
        "{% for a in range(10000000) %}{% endfor %}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(template: str) -> None:
    with pytest.raises((FormTemplateBroken, FormValuesMissing, OverflowError)):
        show(template)


def test_a_broken_template_says_where() -> None:
    with pytest.raises(FormTemplateBroken) as refused:
        show("good\n\n{% endif %}")
    assert refused.value.params["line"] == 3


def test_a_form_without_a_template_says_so() -> None:
    with pytest.raises(FormTemplateBroken):
        render({}, HEAD, {})


def test_money_and_time_are_written_as_people_write_them() -> None:
    assert (yuan(123456), yuan(5), yuan(-100), yuan(None)) == ("¥1,234.56", "¥0.05", "-¥1.00", "")
    zone = ZoneInfo("Asia/Shanghai")
    assert spoken_moment("2026-11-21T16:30:00Z", zone) == "2026年11月22日 00:30"
    assert spoken_moment("2026-11-21", zone) == "2026年11月21日"
    assert spoken_moment("另行通知", zone) == "另行通知"


def test_a_superseded_sheet_says_so_across_the_page() -> None:
    pack = load_pack("default")
    head = msgspec.structs.replace(HEAD, form_id="work_sheet", zh="派工单")
    assert "已被替代" not in render(pack.templates, head, FILLED)
    old = msgspec.structs.replace(head, state="superseded")
    assert "已被替代" in render(pack.templates, old, FILLED)


def test_a_finding_of_one_sentence_fills_its_line() -> None:
    pack = load_pack("default")
    head = msgspec.structs.replace(HEAD, form_id="completion_confirmation", zh="竣工确认单")
    page = render(pack.templates, head, FILLED | {"findings": ["立管未固定", ["吹扫", "合格"]]})
    assert '<td colspan="2">立管未固定</td>' in page
    assert "<td>吹扫</td><td>合格</td>" in page


def test_the_public_notice_shows_nobody() -> None:
    pack = load_pack("default")
    head = msgspec.structs.replace(HEAD, form_id="outage_notice", zh="停气通知", signatures=())
    page = render(pack.templates, head, FILLED)
    assert "张三丰" not in page
    assert "2026年11月25日 09:00" in page
    assert "明德路 14 号" in page


def test_the_pdf_holds_the_text_and_only_the_fonts_it_uses() -> None:
    pack = load_pack("default")
    head = msgspec.structs.replace(HEAD, form_id="work_sheet", zh="派工单")
    pdf = to_pdf(render(pack.templates, head, FILLED), title="派工单")
    text = text_of(pdf)
    for wanted in ("派工单", "20261121-0007", "长明燃气有限公司", "明德路", "张三丰", "96977"):
        assert wanted in text
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842], "A4"
    resources: Any = reader.pages[0]["/Resources"]
    fonts = {str(one.get_object()["/BaseFont"]) for one in resources["/Font"].values()}
    assert {name.partition("+")[2] for name in fonts} == {
        "NotoSerifSC-Regular",
        "NotoSansSC-Regular",
    }, "subsets of our own fonts, and nothing of the machine's"
    assert len(pdf) < 1_000_000


def test_a_page_fetches_nothing_from_the_machine_or_the_network(tmp_path: Any) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("<p>secret</p>", encoding="utf-8")
    style = tmp_path / "style.css"
    style.write_text("p::after { content: 'leaked' }", encoding="utf-8")
    page = (
        f'<html><head><link rel="stylesheet" href="{style.as_uri()}">'
        f"<style>@import url({style.as_uri()});</style></head>"
        f'<body><p>正文</p><img src="{secret.as_uri()}"><iframe src="{secret.as_uri()}"></iframe>'
        f'<object data="{secret.as_uri()}"></object></body></html>'
    )
    text = text_of(to_pdf(page, title="x"))
    assert "正" in text
    assert "leaked" not in text
    assert "secret" not in text


def test_a_pdf_is_copied_and_searched_as_the_words_that_were_written() -> None:
    """Many characters share their drawing with a radical (文, ⽂), which nobody searches for."""
    written = "".join(unicodedata.normalize("NFKC", chr(one)) for one in range(0x2F00, 0x2FD6))
    assert "文" in written
    for family in ("Changming Serif", "Changming Sans"):
        page = f"<p style=\"font-family: '{family}'\">{written}</p>"
        assert "".join(text_of(to_pdf(page, title="x")).split()) == written


def test_the_fonts_are_the_makers_own() -> None:
    # Noto CJK, Sans 2.004 and Serif 2.003, folder SubsetOTF/SC, as their makers published them.
    for path, known in (
        (
            pylopdf_fonts_zh_cn.sans_path(),
            "faa6c9df652116dde789d351359f3d7e5d2285a2b2a1f04a2d7244df706d5ea9",
        ),
        (
            pylopdf_fonts_zh_cn.serif_path(),
            "e8f396decc1f0963a016a989c3d8852e863d1350996f573860a80767c83a1cd3",
        ),
    ):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == known
