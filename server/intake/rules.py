"""How a push is read, what a project is known by, and what is refused. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from server.intake.lifecycle import TRANSITIONS, LeadVerb
from server.intake.wire import ContactIn, LeadState, ProjectPush
from server.refusal import Refusal

MAX_BODY_BYTES = 64_000
WINDOW = timedelta(minutes=1)
DROPPED_SHOWN = 50
FILLED = (
    "project_name", "contact_name", "contact_phone", "residential", "flow_m3h", "stage", "words",
)  # fmt: skip
"""What a later push may add where nothing was known."""


class PushMalformed(Refusal):
    """The push cannot be read. It is kept, and the desk makes a lead of it."""

    code = "push_malformed"
    status = 422
    zh = "推送内容无法识别（已留存待人工处理）：{why}"
    en = "The push could not be read (it is kept for the desk): {why}."


class PushTooLarge(Refusal):
    """More than any project needs."""

    code = "push_too_large"
    status = 413
    zh = "推送内容超过 {limit} 字节"
    en = "The push is larger than {limit} bytes."


class TooManyPushes(Refusal):
    """The key pushes faster than it may."""

    code = "too_many_pushes"
    status = 429
    zh = "推送过于频繁，请在 {retry_after_s} 秒后重试"
    en = "Too many pushes; try again in {retry_after_s} seconds."


class PlatformUnknown(Refusal):
    """The pack has no channel of that name by which platforms push."""

    code = "platform_unknown"
    status = 422
    zh = "没有推送渠道“{platform}”，可选：{known}"
    en = "No platform pushes by “{platform}”; there are: {known}."


class ContactNeedsProof(Refusal):
    """«Contact» is not ticked without proof (domain.md §3.4)."""

    code = "contact_needs_proof"
    status = 422
    zh = "已联系须有凭证：通话编号或录音、上门照片或地址、用户回复"
    en = (
        "A contact needs its proof: the call's number or recording, the visit's photo or address, "
        "the customer's reply."
    )


class ContactTime(Refusal):
    """A contact lies between the hand-over and now."""

    code = "contact_time"
    status = 422
    zh = "联系时间须在移交（{since}）之后、现在之前"
    en = "A contact lies after the hand-over ({since}) and not after now."


class LeadStateRefused(Refusal):
    """The verb does not fit the state."""

    code = "lead_state"
    zh = "推送项目 {number} 当前为 {state}，不能执行此操作"
    en = "Lead {number} is {state}; this cannot be done now."


class PushSettled(Refusal):
    """The push was good, or the desk has settled it."""

    code = "push_settled"
    zh = "该推送已处理"
    en = "This push has been settled."


def next_state(state: LeadState, verb: LeadVerb, number: str) -> LeadState:
    """The state after `verb`. Raises LeadStateRefused."""
    after = TRANSITIONS.get((state, verb))
    if after is None:
        raise LeadStateRefused(number=number, state=state.value)
    return after


def project_key(code: str) -> str:
    """What a project is known by: its code without what people and platforms write differently
    (spaces, hyphens, letter case, full-width forms).
    """
    plain = unicodedata.normalize("NFKC", code).upper()
    return "".join(sign for sign in plain if sign.isalnum())


def read_push(body: bytes) -> tuple[ProjectPush, list[str]]:
    """The project of a push, and the names of the fields that were dropped.

    Raises PushMalformed; its reason names the field and never repeats what was in it.
    """
    try:
        push = msgspec.json.decode(body, type=ProjectPush)
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PushMalformed(why=str(error)) from error
    if (push.lon is None) != (push.lat is None):
        raise PushMalformed(why="lon and lat belong together / 经度和纬度须同时给出")
    if not project_key(push.project_code):
        raise PushMalformed(why="project_code")
    known = set(ProjectPush.__struct_fields__)
    # A key may hold anything, personal data too; a long one is no field's name.
    dropped = sorted(name[:40] for name in sent if name not in known)
    return push, dropped[:DROPPED_SHOWN]


def kept_text(body: bytes) -> str:
    """A malformed body as text that can be stored: undecodable bytes and NULs are replaced."""
    return body.decode(errors="replace").replace("\x00", "\ufffd")


def fill(known: dict[str, object], push: ProjectPush) -> tuple[dict[str, object], list[str]]:
    """(what the push adds where nothing was known, the fields in which it differs)."""
    added: dict[str, object] = {}
    differs: list[str] = []
    for name in FILLED:
        new = getattr(push, name)
        old = known[name]
        if new in (None, "") or new == old:
            continue
        if old in (None, ""):
            added[name] = new
        else:
            differs.append(name)
    return added, differs


def check_contact(contact: ContactIn, *, handed_over_at: datetime, now: datetime) -> datetime:
    """When the attempt was. Raises ContactTime, ContactNeedsProof."""
    at = contact.at or now
    if not handed_over_at <= at <= now:
        raise ContactTime(since=handed_over_at.isoformat(timespec="minutes"))
    if contact.reached and not contact.proof.strip():
        raise ContactNeedsProof
    return at


@dataclass(frozen=True, slots=True)
class Window:
    """How often a key was used in the running minute."""

    started_at: datetime
    count: int

    def used(self, now: datetime) -> Window:
        """The window after one more use."""
        if now - self.started_at >= WINDOW:
            return Window(now, 1)
        return Window(self.started_at, self.count + 1)

    def wait_s(self, limit: int, now: datetime) -> int | None:
        """Whole seconds until the key may push again; None: it may now."""
        if self.count <= limit:
            return None
        return max(1, int((self.started_at + WINDOW - now).total_seconds()) + 1)


def check_platform(platform: str, known: Collection[str]) -> None:
    """Raise PlatformUnknown unless the pack has such a channel."""
    if platform not in known:
        raise PlatformUnknown(platform=platform, known="、".join(known))
