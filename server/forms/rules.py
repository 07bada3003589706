"""What the forms room refuses, and who signs what."""

from __future__ import annotations

from server.policy.wire import Pack
from server.policy.wire_papers import Form
from server.refusal import Refusal

SIGNATORIES: dict[str, tuple[str, str]] = {
    "customer": ("用户", "Customer"),
    "company": ("燃气公司", "Gas company"),
    "design": ("设计单位", "Design"),
    "contractor": ("施工单位", "Contractor"),
    "supervision": ("监理单位", "Supervision"),
    "owner": ("建设单位", "Owner"),
    "acceptance": ("质检验收", "Acceptance"),
    "crew": ("作业人员", "Crew"),
    "guardian": ("监护人", "Safety watch"),
    "accused": ("被投诉部门", "Department complained of"),
    "transferor": ("原用户", "Former customer"),
    "transferee": ("新用户", "New customer"),
}
"""Capacities that are no role of the company, and how a signature box names them."""


class UnknownForm(Refusal):
    """The company's pack names no such form."""

    code = "unknown_form"
    status = 422
    zh = "策略包中没有表单“{form}”"
    en = "The policy pack has no form “{form}”."


class FormValuesMissing(Refusal):
    """The template asks for something that was not given; nothing was issued."""

    code = "form_values_missing"
    status = 422
    zh = "表单“{form}”缺少必填内容：{missing}"
    en = "The form “{form}” lacks what it cannot do without: {missing}."


class FormTemplateBroken(Refusal):
    """The company's template cannot be rendered; the administrator has to mend it."""

    code = "form_template_broken"
    status = 422
    zh = "表单“{form}”的模板第 {line} 行有误：{why}"
    en = "The template of the form “{form}” is wrong at line {line}: {why}."


class FormNotInForce(Refusal):
    """The form was superseded or withdrawn."""

    code = "form_not_in_force"
    zh = "该表单已作废或已被新版本替代"
    en = "This form was superseded or withdrawn."


class NotASignatory(Refusal):
    """The form is not signed in that capacity."""

    code = "not_a_signatory"
    status = 422
    zh = "该表单不由“{capacity}”签字，应签字方：{signatories}"
    en = "This form is not signed by “{capacity}”; it is signed by: {signatories}."


class FormAlreadySigned(Refusal):
    """There is a signature in that capacity already."""

    code = "form_already_signed"
    zh = "{name}已以该身份签字"
    en = "{name} has already signed in that capacity."


class PdfNotHere(Refusal):
    """This machine has no wheel of the PDF library; the HTML prints as well."""

    code = "pdf_not_here"
    status = 501
    zh = "本服务器不支持生成 PDF，请打开网页版打印"
    en = "This server cannot make PDFs; open the page and print it."


class SignsOnlyAsContractor(Refusal):
    """Somebody from outside records their own side's signature and no other."""

    code = "signs_only_as_contractor"
    status = 403
    zh = "施工单位只能登记本方签字"
    en = "A contractor records the contractor's signature only."


CONTRACTOR = "contractor"

_OF_THE_WORKS = frozenset({CONTRACTOR, "design"})


def of_the_works(form: Form) -> bool:
    """Whether a contractor reads it: what the contractor or the designer signs (派工单, 施工图,
    竣工确认单 …), and no paper between the company and its customer."""
    return not _OF_THE_WORKS.isdisjoint(form.signatures)


def form_of(pack: Pack, form_id: str) -> Form:
    """The pack's form of that id. Raises UnknownForm."""
    for form in pack.forms:
        if form.id == form_id:
            return form
    raise UnknownForm(form=form_id)


def capacity(pack: Pack, code: str) -> tuple[str, str]:
    """How a signature box names a capacity, in both languages: the company's role, else ours."""
    for role in pack.roles:
        if role.id == code and code not in SIGNATORIES:
            return role.zh, role.en
    return SIGNATORIES.get(code, (code, code))
