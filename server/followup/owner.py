"""What this room answers for when rooms below ask: the duties of each day.

Imported when rooms open. Not here: the duties themselves (`actions_routines`).
"""

from __future__ import annotations

from server.dispatch.daily import each_day
from server.followup.actions_routines import keep_duties

each_day(keep_duties)
