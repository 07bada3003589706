"""What ratios are counted of: one statement for each measure, counted and listed alike.

Not here: which ratios a company promises (its pack), the words (`rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text

from server.db import Tx
from server.reporting.wire import Part

RESIDENTS = """
SELECT 'case' AS kind, CAST(one.key AS uuid) AS id, k.number,
       COALESCE(b.reached_at, d.drawn_at) AS at,
       CASE WHEN b.state = 'reached' THEN 'yes' ELSE 'no' END AS verdict,
       COALESCE(b.state, 'not_drawn') AS why, k.id AS case_id, CAST(NULL AS uuid) AS incident_id
FROM call_back_draws d
CROSS JOIN LATERAL jsonb_to_recordset(d.population) AS one (key text)
LEFT JOIN call_backs b ON b.company_id = d.company_id AND b.draw_id = d.id AND b.key = one.key
LEFT JOIN cases k ON k.company_id = d.company_id AND k.id = CAST(one.key AS uuid)
WHERE d.month = :month AND d.drill = :drill
"""

OTHERS = """
SELECT CASE WHEN b.case_id IS NULL THEN 'customer' ELSE 'case' END AS kind,
       COALESCE(b.case_id, b.customer_id) AS id, COALESCE(k.number, u.number) AS number,
       COALESCE(b.reached_at, d.drawn_at) AS at,
       CASE WHEN b.state = 'reached' THEN 'yes' ELSE 'no' END AS verdict,
       b.state AS why, b.case_id, CAST(NULL AS uuid) AS incident_id
FROM call_back_draws d
JOIN call_backs b ON b.company_id = d.company_id AND b.draw_id = d.id AND b."group" = 'others'
LEFT JOIN cases k ON k.company_id = b.company_id AND k.id = b.case_id
LEFT JOIN customers u ON u.company_id = b.company_id AND u.id = b.customer_id
WHERE d.month = :month AND d.drill = :drill
UNION ALL
-- Where less than all are called, those not drawn are known by their number alone.
SELECT 'not_drawn', NULL, NULL, d.drawn_at, 'no', 'not_drawn', NULL, NULL
FROM call_back_draws d
CROSS JOIN LATERAL generate_series(1, d.others_count - (
    SELECT count(*) FROM call_backs b
    WHERE b.company_id = d.company_id AND b.draw_id = d.id AND b."group" = 'others'
)) AS missing
WHERE d.month = :month AND d.drill = :drill
"""

EMERGENCIES = """
SELECT 'incident' AS kind, i.id, i.number, f.at,
       CASE WHEN o.reopened OR COALESCE(o.same, false) THEN 'no'
            WHEN f.at + interval '7 days' > :now OR COALESCE(o.unknown, false) THEN 'undecided'
            ELSE 'yes' END AS verdict,
       CASE WHEN o.reopened THEN 'reopened'
            WHEN COALESCE(o.same, false) THEN 'same_cause_again'
            WHEN f.at + interval '7 days' > :now THEN 'seven_days_not_over'
            WHEN COALESCE(o.unknown, false) THEN 'other_cause_not_known'
            ELSE 'no_revisit' END AS why,
       CAST(NULL AS uuid) AS case_id, i.id AS incident_id
FROM incidents i
CROSS JOIN LATERAL (
    SELECT min(e.at) AS at, (array_agg(e.params ->> 'cause' ORDER BY e.at, e.id))[1] AS cause
    FROM timeline_entries e
    WHERE e.company_id = i.company_id AND e.incident_id = i.id AND e.verb = 'incident_closed'
) f
CROSS JOIN LATERAL (
    SELECT EXISTS (
               SELECT FROM timeline_entries e
               WHERE e.company_id = i.company_id AND e.incident_id = i.id
                 AND e.verb = 'incident_reopened' AND e.at <= f.at + interval '7 days'
           ) AS reopened,
           bool_or(lower(btrim(x.close_cause)) = lower(btrim(f.cause))) AS same,
           bool_or(x.close_cause IS NULL) AS unknown
    FROM incidents x
    WHERE x.company_id = i.company_id AND x.id <> i.id AND x.drill = i.drill
      AND x.class IN ('P0', 'P1', 'P2') AND x.state <> 'cancelled'
      AND x.received_at > f.at AND x.received_at <= f.at + interval '7 days'
      AND (x.premise_id = i.premise_id
           OR regexp_replace(x.place_text, '\\s', '', 'g')
              = regexp_replace(i.place_text, '\\s', '', 'g')
           OR ((x.premise_id IS NULL OR i.premise_id IS NULL)
               AND ST_DWithin(x.place::geography, i.place::geography, 20)))
) o
WHERE i.drill = :drill AND i.class IN ('P0', 'P1', 'P2')
  AND f.at >= :begins AND f.at < :ends
"""

METERS = """
SELECT 'case' AS kind, k.id, k.number, s.left_at AS at,
       CASE COALESCE(n.answer, s.values -> 'record' -> 'test' ->> 'passed')
           WHEN 'yes' THEN 'yes' WHEN 'true' THEN 'yes'
           WHEN 'no' THEN 'no' WHEN 'false' THEN 'no' ELSE 'undecided' END AS verdict,
       CASE WHEN n.answer IS NOT NULL THEN 'answered'
            WHEN s.values -> 'record' -> 'test' ->> 'passed' IS NOT NULL THEN 'tested'
            ELSE 'no_finding' END AS why,
       k.id AS case_id, CAST(NULL AS uuid) AS incident_id
FROM case_steps s
JOIN work_orders w ON w.company_id = s.company_id AND w.id = s.order_id AND w.kind = 'meter_change'
JOIN cases k ON k.company_id = s.company_id AND k.id = s.case_id
LEFT JOIN case_steps n ON n.company_id = s.company_id AND n.case_id = s.case_id
     AND n.number = s.number + 1 AND n.step = 'passed' AND n.answer IN ('yes', 'no')
WHERE k.drill = :drill AND s.answer = 'done' AND s.left_at >= :begins AND s.left_at < :ends
"""

ONE_DAY = """
SELECT 'clock' AS kind, c.id, k.number, c.started_at AS at,
       CASE WHEN c.state = 'met' THEN 'yes'
            WHEN c.state = 'late' OR c.due_at < :now THEN 'no' ELSE 'undecided' END AS verdict,
       CASE WHEN c.state = 'running' AND c.due_at < :now THEN 'running_late' ELSE c.state END
       AS why, c.case_id, CAST(NULL AS uuid) AS incident_id
FROM clocks c
JOIN promise_terms t ON t.company_id = c.company_id AND t.id = c.terms_id AND t.drill = :drill
LEFT JOIN cases k ON k.company_id = c.company_id AND k.id = c.subject_id
WHERE c.subject_kind = 'case' AND c.state <> 'cancelled'
  AND c.clause_id = ANY(CAST(:clause_ids AS text[]))
  AND c.started_at >= :begins AND c.started_at < :ends
"""

SATISFACTION = """
SELECT 'call_back' AS kind, b.id, COALESCE(k.number, u.number) AS number, b.reached_at AS at,
       CASE WHEN b.satisfaction IS NULL THEN 'undecided'
            WHEN b.satisfaction >= 4 THEN 'yes' ELSE 'no' END AS verdict,
       COALESCE('score_' || b.satisfaction, 'no_score') AS why,
       b.case_id, CAST(NULL AS uuid) AS incident_id
FROM call_backs b
JOIN call_back_draws d ON d.company_id = b.company_id AND d.id = b.draw_id AND d.month = :month
LEFT JOIN cases k ON k.company_id = b.company_id AND k.id = b.case_id
LEFT JOIN customers u ON u.company_id = b.company_id AND u.id = b.customer_id
WHERE b.state = 'reached' AND d.drill = :drill
UNION ALL
SELECT 'visit', v.id, COALESCE(k.number, u.number, v.place_text), v.visited_at,
       CASE WHEN v.satisfaction >= 4 THEN 'yes' ELSE 'no' END, 'score_' || v.satisfaction,
       v.case_id, NULL
FROM visits v
LEFT JOIN cases k ON k.company_id = v.company_id AND k.id = v.case_id
LEFT JOIN customers u ON u.company_id = v.company_id AND u.id = v.customer_id
WHERE COALESCE(k.drill, u.drill, false) = :drill
  AND v.visited_at >= :begins AND v.visited_at < :ends
"""

MEMBERS: dict[str, str] = {
    "residents_reached": RESIDENTS,
    "others_reached": OTHERS,
    "emergencies_without_revisit": EMERGENCIES,
    "meters_passed": METERS,
    "done_within_one_day": ONE_DAY,
    "satisfaction": SATISFACTION,
}
"""By what a ratio is counted of."""

CALL_BACKS = frozenset({"residents_reached", "others_reached"})
"""Counted of the month's draw: without one they cannot be."""

VERDICTS: dict[Part, list[str]] = {
    Part.NUMERATOR: ["yes"],
    Part.DENOMINATOR: ["yes", "no"],
    Part.MISSED: ["no"],
    Part.UNDECIDED: ["undecided"],
}
"""Which verdicts a part is made of."""
_COUNTS = {
    of: text("".join(("SELECT verdict, count(*) FROM (", body, ") m GROUP BY verdict")))
    for of, body in MEMBERS.items()
}
_PAGE_BEGINS = """
SELECT n.* FROM (
    SELECT m.*, row_number() OVER (ORDER BY m.at, m.id) AS place FROM (
"""
_PAGE_ENDS = """
    ) m WHERE m.verdict = ANY(CAST(:verdicts AS text[]))
) n WHERE n.place > :after ORDER BY n.place LIMIT :limit
"""
_PAGES = {of: text("".join((_PAGE_BEGINS, body, _PAGE_ENDS))) for of, body in MEMBERS.items()}
_DRAWN = text("SELECT EXISTS (SELECT FROM call_back_draws WHERE month = :month AND drill = :drill)")


async def verdicts(tx: Tx, of: str, given: dict[str, Any]) -> dict[str, int]:
    """How many members there are of each verdict: yes, no, undecided."""
    return dict((await tx.session.execute(_COUNTS[of], given)).all())


async def members(
    tx: Tx, of: str, given: dict[str, Any], part: Part, *, after: int, limit: int
) -> Sequence[RowMapping]:
    """A page of members, each row with its `place`."""
    asked = given | {"verdicts": VERDICTS[part], "after": after, "limit": limit}
    return (await tx.session.execute(_PAGES[of], asked)).mappings().all()


async def drawn(tx: Tx, month: str, *, drill: bool) -> bool:
    """Whether the month's call-backs have been drawn."""
    return bool(await tx.session.scalar(_DRAWN, {"month": month, "drill": drill}))


def given(
    tx: Tx, *, month: str, begins: datetime, ends: datetime, drill: bool, clause_ids: Sequence[str]
) -> dict[str, Any]:
    """What every measure is asked with."""
    return {
        "now": tx.now,
        "month": month,
        "begins": begins,
        "ends": ends,
        "drill": drill,
        "clause_ids": list(clause_ids),
    }
