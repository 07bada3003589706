"""What may happen to a lead in which state, as data."""

from __future__ import annotations

from enum import StrEnum

from server.intake.wire import LeadState


class LeadVerb(StrEnum):
    """What is done with a lead."""

    HAND_OVER = "hand_over"
    CONTACT = "contact"
    MAKE_CASE = "make_case"
    DISMISS = "dismiss"
    PUSH_AGAIN = "push_again"


TRANSITIONS: dict[tuple[LeadState, LeadVerb], LeadState] = {
    (LeadState.PUSHED, LeadVerb.HAND_OVER): LeadState.HANDED_OVER,
    (LeadState.HANDED_OVER, LeadVerb.HAND_OVER): LeadState.HANDED_OVER,
    (LeadState.CONTACTED, LeadVerb.HAND_OVER): LeadState.CONTACTED,
    (LeadState.HANDED_OVER, LeadVerb.CONTACT): LeadState.CONTACTED,
    (LeadState.CONTACTED, LeadVerb.CONTACT): LeadState.CONTACTED,
    (LeadState.CONTACTED, LeadVerb.MAKE_CASE): LeadState.CASE,
    (LeadState.PUSHED, LeadVerb.DISMISS): LeadState.DISMISSED,
    (LeadState.HANDED_OVER, LeadVerb.DISMISS): LeadState.DISMISSED,
    (LeadState.CONTACTED, LeadVerb.DISMISS): LeadState.DISMISSED,
    (LeadState.DISMISSED, LeadVerb.PUSH_AGAIN): LeadState.PUSHED,
    (LeadState.PUSHED, LeadVerb.PUSH_AGAIN): LeadState.PUSHED,
    (LeadState.HANDED_OVER, LeadVerb.PUSH_AGAIN): LeadState.HANDED_OVER,
    (LeadState.CONTACTED, LeadVerb.PUSH_AGAIN): LeadState.CONTACTED,
    (LeadState.CASE, LeadVerb.PUSH_AGAIN): LeadState.CASE,
}
"""(state, verb) → state; what is missing is refused `lead_state`."""

ENDED = frozenset({LeadState.CASE, LeadState.DISMISSED})
