"""Alarms about the clocks of cases, and about a calendar that is missing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0145_case_watch"
down_revision = "0140_followup"
branch_labels = None
depends_on = None

OLD_KINDS = (
    "'no_crew', 'undispatched', 'offer_expired', 'eta_at_risk', 'breach', 'no_movement', "
    "'lost_contact', 'no_first_report'"
)
KINDS = f"{OLD_KINDS}, 'promise_at_risk', 'promise_breached', 'calendar_missing'"
OLD_SUBJECTS = "'work_order', 'assignment', 'clock'"


def _allow(kinds: str, subjects: str) -> None:
    op.drop_constraint("kind", "alarms", type_="check")
    op.drop_constraint("subject_kind", "alarms", type_="check")
    op.create_check_constraint("kind", "alarms", f"kind IN ({kinds})")
    op.create_check_constraint("subject_kind", "alarms", f"subject_kind IN ({subjects})")


def upgrade() -> None:
    op.add_column("alarms", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.create_index("ix_alarms_case", "alarms", ["company_id", "case_id", "raised_at"])
    _allow(KINDS, f"{OLD_SUBJECTS}, 'calendar'")


def downgrade() -> None:
    op.execute("DELETE FROM alarms WHERE kind LIKE 'promise_%' OR kind = 'calendar_missing'")
    _allow(OLD_KINDS, OLD_SUBJECTS)
    op.drop_index("ix_alarms_case", "alarms")
    op.drop_column("alarms", "case_id")
