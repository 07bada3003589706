"""What a project is known by, how a push is read, and when a key has pushed enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.intake.lifecycle import TRANSITIONS, LeadVerb
from server.intake.rules import (
    ContactNeedsProof,
    ContactTime,
    LeadStateRefused,
    PushMalformed,
    Window,
    check_contact,
    fill,
    kept_text,
    next_state,
    project_key,
    read_push,
)
from server.intake.wire import ContactIn, ContactMeans, LeadState, ProjectPush

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "code",
    ["2611-520402-04-01-000123", " 2611 520402 04 01 000123 ", "２６１１－520402-04-01-000123"],
)
def test_a_project_is_known_however_its_code_is_written(code: str) -> None:
    assert project_key(code) == "2611520402040100" + "0123"


def test_letter_case_does_not_matter_and_other_codes_are_other_projects() -> None:
    assert project_key("xz-a1") == project_key("XZA1")
    assert project_key("xz-a1") != project_key("xz-a2")


def test_a_push_is_read_and_what_nobody_needs_is_named_only() -> None:
    push, dropped = read_push(b'{"project_code": "1", "address": "x", "id_card": "secret"}')
    assert push == ProjectPush(project_code="1", address="x")
    assert dropped == ["id_card"]


def test_the_reason_never_repeats_what_was_sent() -> None:
    with pytest.raises(PushMalformed) as refused:
        read_push(b'{"project_code": "1", "address": "x", "contact_phone": "my secret"}')
    assert "secret" not in str(refused.value.params)
    assert "contact_phone" in str(refused.value.params)


def test_what_is_kept_can_be_stored() -> None:
    assert kept_text(b"a\x00\xffb") == "a\ufffd\ufffdb"


def test_a_later_push_adds_and_does_not_overwrite() -> None:
    known: dict[str, object] = {
        "project_name": "", "contact_name": "赵", "contact_phone": None, "residential": None,
        "flow_m3h": 18.0, "stage": "立项", "words": "",
    }  # fmt: skip
    push = ProjectPush(
        project_code="1", address="x", project_name="市场", contact_name="钱", residential=False,
        flow_m3h=18.0, stage="规划",
    )  # fmt: skip
    added, differs = fill(known, push)
    assert added == {"project_name": "市场", "residential": False}
    assert differs == ["contact_name", "stage"]


def contact(**more: object) -> ContactIn:
    given = {"means": ContactMeans.CALL, "reached": True, "words": "约好", "proof": "录音 1"}
    return ContactIn(**(given | more))  # type: ignore[arg-type]  # fields are given by name


def test_a_contact_lies_between_hand_over_and_now_with_proof() -> None:
    hour = timedelta(hours=1)
    assert check_contact(contact(), handed_over_at=AT, now=AT + hour) == AT + hour
    assert check_contact(contact(at=AT), handed_over_at=AT, now=AT + hour) == AT
    for at in (AT - hour, AT + 2 * hour):
        with pytest.raises(ContactTime):
            check_contact(contact(at=at), handed_over_at=AT, now=AT + hour)
    with pytest.raises(ContactNeedsProof):
        check_contact(contact(proof=" "), handed_over_at=AT, now=AT)
    # Nobody reached, nothing to prove.
    check_contact(contact(proof="", reached=False), handed_over_at=AT, now=AT)


def test_a_key_waits_for_the_end_of_its_minute() -> None:
    window = Window(AT, 0)
    for second in range(3):
        window = window.used(AT + timedelta(seconds=second))
    assert window == Window(AT, 3)
    assert window.wait_s(3, AT) is None
    assert window.wait_s(2, AT + timedelta(seconds=20)) == 41
    assert window.used(AT + timedelta(seconds=60)) == Window(AT + timedelta(seconds=60), 1)


def test_ended_leads_take_nothing_but_a_push() -> None:
    for state in (LeadState.CASE, LeadState.DISMISSED):
        allowed = {verb for known, verb in TRANSITIONS if known is state}
        assert allowed == {LeadVerb.PUSH_AGAIN}
    with pytest.raises(LeadStateRefused):
        next_state(LeadState.PUSHED, LeadVerb.CONTACT, "L1")


def test_every_state_takes_a_push_again() -> None:
    for state in LeadState:
        assert (state, LeadVerb.PUSH_AGAIN) in TRANSITIONS
