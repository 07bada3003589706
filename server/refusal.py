"""What a rule says when it says no.

A refusal is a class: its code is stable, its text is written once, here or beside the rule that
refuses, in both languages. It knows no HTTP beyond the status number an edge may use. Not here:
faults (a bug or a dead database is an ordinary exception and answers 500).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Language = Literal["zh", "en"]


class Refusal(Exception):
    """A rule said no. Subclasses set `code`, `status`, `zh`, `en`; params fill the texts."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    zh: ClassVar[str] = "操作被拒绝"
    en: ClassVar[str] = "The action was refused."

    def __init__(self, **params: Any) -> None:
        super().__init__(self.code)
        self.params = params

    def text(self, language: Language) -> str:
        """The sentence shown to the user, in `language`."""
        template = self.zh if language == "zh" else self.en
        return template.format(**self.params)

    def __str__(self) -> str:
        return f"{self.code}: {self.text('en')}"


class NotFound(Refusal):
    """The thing does not exist in the actor's company (or is not theirs to see)."""

    code = "not_found"
    status = 404
    zh = "未找到：{what}"
    en = "Not found: {what}."


class Invalid(Refusal):
    """A value that no rule of the field allows; `field` names it, `why` says what is allowed."""

    code = "invalid"
    status = 422
    zh = "字段“{field}”无效：{why}"
    en = "The field “{field}” is not valid: {why}."


class Forbidden(Refusal):
    """The actor's roles do not include this action."""

    code = "forbidden"
    status = 403
    zh = "您的角色不能执行此操作"
    en = "Your role may not do this."


class NotSignedIn(Refusal):
    """No valid session or token came with the request."""

    code = "not_signed_in"
    status = 401
    zh = "请先登录"
    en = "Please sign in."


class VersionChanged(Refusal):
    """Somebody else changed the same row first; nothing was stored."""

    code = "version_changed"
    status = 409
    zh = "此内容刚刚被他人修改，请刷新后重试"
    en = "Somebody else has just changed this; look again and retry."
