"""The clauses' figures and the clocks behind them: one statement a report.

Figures and lists share the same two parts of a statement, so that no number can differ from its
rows. Not here: ratios (`queries_ratios`), the wire forms (`views`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text

from server.db import Tx
from server.policy.wire import Standing
from server.reporting.wire import Bucket, By


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which clocks. `-` in zone, class or process: those with none recorded."""

    begins: datetime
    ends: datetime
    """Clocks started in [begins, ends), UTC."""
    time_zone: str
    """IANA name: months are those of this zone."""
    drill: bool = False
    zone: str | None = None
    class_: str | None = None
    process: str | None = None
    standing: Standing | None = None
    subject_kind: str | None = None
    clause_id: str | None = None
    wording: str | None = None


_PICKED = """
WITH started AS (
    SELECT c.id, c.clause_id, c.number, c.subject_kind, c.subject_id, c.case_id,
           c.terms_id, c.state, c.exemption, c.started_at, c.due_at, c.stopped_at, c.ended_reason,
           c.unknown_year IS NOT NULL AND c.state <> 'cancelled' AS provisional,
           COALESCE(
               x.standing, CASE WHEN x.own_promise THEN 'promise' ELSE 'default' END
           ) AS standing,
           x."limit" AS bounds, x.pauses, x.segments,
           to_char(c.started_at AT TIME ZONE CAST(:time_zone AS text), 'YYYY-MM') AS month,
           COALESCE(i.zone_code, t.zone_code, '-') AS zone,
           COALESCE(r.class, t.customer_class, '-') AS class,
           COALESCE(t.process, '-') AS process,
           CASE
               WHEN c.state = 'running' AND c.due_at < :now THEN 'running_late'
               WHEN c.state = 'met' AND c.due_at IS NULL
                    AND x."limit" ->> 'unit' IN ('none', 'on_date', 'before')
               THEN 'no_figure'
               ELSE c.state
           END AS bucket,
           CASE WHEN c.state <> 'cancelled'
                THEN GREATEST(COALESCE(c.stopped_at, :now), c.started_at) END AS until_at
    FROM clocks c
    CROSS JOIN LATERAL jsonb_to_record(c.clause) AS x (
        standing text, own_promise boolean, "limit" jsonb, pauses jsonb, segments jsonb
    )
    LEFT JOIN promise_terms t ON t.id = c.terms_id
    LEFT JOIN promise_rounds r ON r.id = c.round_id
    LEFT JOIN incidents i ON i.id = c.subject_id AND c.subject_kind = 'incident'
    WHERE c.started_at >= :begins AND c.started_at < :ends
      AND COALESCE(i.drill, t.drill, false) = :drill
      AND (CAST(:clause_id AS text) IS NULL OR c.clause_id = :clause_id)
      AND (CAST(:subject_kind AS text) IS NULL OR c.subject_kind = :subject_kind)
),
picked AS MATERIALIZED (
    SELECT k.*,
           left(md5(k.standing || k.bounds::text), 8) AS wording,
           k.bucket IN ('met', 'late', 'running_late') AS decided,
           k.bucket IN ('late', 'running_late') AND k.exemption = 'granted' AS exempt,
           k.state <> 'cancelled' AND k.exemption = 'claimed' AS claimed,
           k.state <> 'cancelled' AND k.exemption = 'refused' AS refused,
           COALESCE(jsonb_array_length(k.segments), 0) > 0 AS summed,
           CASE WHEN k.bucket IN ('met', 'late', 'no_figure')
                THEN extract(epoch FROM k.until_at - k.started_at)::double precision END AS taken_s,
           CASE WHEN k.bucket IN ('late', 'running_late')
                THEN extract(epoch FROM COALESCE(k.stopped_at, :now) - k.due_at)::double precision
                END AS over_s
    FROM started k
    WHERE (CAST(:zone AS text) IS NULL OR k.zone = :zone)
      AND (CAST(:class AS text) IS NULL OR k.class = :class)
      AND (CAST(:process AS text) IS NULL OR k.process = :process)
      AND (CAST(:standing AS text) IS NULL OR k.standing = :standing)
      AND (CAST(:wording AS text) IS NULL
           OR left(md5(k.standing || k.bounds::text), 8) = :wording)
)
"""
"""The clocks that are meant, each with its bucket and its parts. Row-level security keeps every
table to the company; saying so again would only mislead the planner."""

_LEFT_OUT = """
, spans AS (
    -- A start inside a stretch leads to that stretch's own end, so the union over all starts is the
    -- union of the stretches themselves.
    SELECT k.id, 'own' AS whose,
           tstzrange(f.at, LEAST(COALESCE(s.at, k.until_at), k.until_at)) AS span
    FROM picked k
    CROSS JOIN LATERAL jsonb_array_elements(k.segments) AS g (segment)
    JOIN LATERAL (
        SELECT e.at FROM reported_facts e
        WHERE e.subject_kind = k.subject_kind AND e.subject_id = k.subject_id
          AND e.what = g.segment ->> 'start' AND e.at >= k.started_at AND e.at < k.until_at
        OFFSET 0
    ) f ON true
    LEFT JOIN LATERAL (
        SELECT min(e.at) AS at FROM reported_facts e
        WHERE e.subject_kind = k.subject_kind AND e.subject_id = k.subject_id
          AND e.what = g.segment ->> 'stop' AND e.at >= f.at
    ) s ON true
    WHERE k.summed
    UNION ALL
    -- The whole of a sum, so that one without any stretch is here too.
    SELECT k.id, 'whole', tstzrange(k.started_at, k.until_at) FROM picked k
    WHERE k.summed AND k.until_at IS NOT NULL
    UNION ALL
    SELECT k.id, COALESCE(cause.whose, 'unnamed'),
           tstzrange(
               GREATEST(p.from_at, k.started_at),
               LEAST(COALESCE(p.to_at, k.until_at), k.until_at)
           )
    FROM picked k
    JOIN promise_pauses p
      ON p.subject_kind = k.subject_kind AND p.subject_id = k.subject_id
     AND p.from_at < k.until_at AND COALESCE(p.to_at, k.until_at) > k.started_at
     AND jsonb_exists(k.pauses, p.cause)
    LEFT JOIN LATERAL (
        SELECT one ->> 'whose' AS whose
        FROM promise_terms t CROSS JOIN LATERAL jsonb_array_elements(t.causes) AS c (one)
        WHERE t.id = k.terms_id AND one ->> 'code' = p.cause LIMIT 1
    ) cause ON true
),
whose_spans AS (
    SELECT id,
           range_agg(span) FILTER (WHERE whose = 'whole') AS whole,
           COALESCE(range_agg(span) FILTER (WHERE whose = 'own'), '{}') AS own,
           range_agg(span) FILTER (WHERE whose = 'customer') AS customer,
           range_agg(span) FILTER (WHERE whose = 'authority') AS authority,
           range_agg(span) FILTER (WHERE whose = 'contractor') AS contractor,
           range_agg(span) FILTER (WHERE whose = 'nature') AS nature,
           range_agg(span) FILTER (WHERE whose = 'company') AS company,
           range_agg(span) FILTER (WHERE whose = 'unnamed') AS unnamed,
           range_agg(span) FILTER (WHERE whose NOT IN ('own', 'whole')) AS paused
    FROM spans
    GROUP BY id
),
lengths AS (
    -- A sum stands between its stages anyway: of a pause only what fell into a stage counts.
    SELECT w.id, m.*
    FROM whose_spans w
    CROSS JOIN LATERAL (
        SELECT sum(l.s) FILTER (WHERE l.n = 1) AS customer_s,
               sum(l.s) FILTER (WHERE l.n = 2) AS authority_s,
               sum(l.s) FILTER (WHERE l.n = 3) AS contractor_s,
               sum(l.s) FILTER (WHERE l.n = 4) AS nature_s,
               sum(l.s) FILTER (WHERE l.n = 5) AS company_s,
               sum(l.s) FILTER (WHERE l.n = 6) AS unnamed_s,
               sum(l.s) FILTER (WHERE l.n = 7) AS paused_s,
               sum(l.s) FILTER (WHERE l.n = 8) AS between_s
        FROM (
            SELECT v.n, extract(epoch FROM upper(u) - lower(u))::double precision AS s
            FROM (VALUES
                (1, w.customer), (2, w.authority), (3, w.contractor), (4, w.nature),
                (5, w.company), (6, w.unnamed), (7, w.paused)
            ) AS v (n, m)
            CROSS JOIN LATERAL unnest(
                CASE WHEN w.whole IS NULL THEN v.m ELSE v.m * w.own END
            ) AS u
            UNION ALL
            SELECT 8, extract(epoch FROM upper(u) - lower(u))::double precision
            FROM unnest(w.whole - w.own) AS u
        ) l
    ) m
),
left_out AS MATERIALIZED (
    SELECT l.*, COALESCE(l.paused_s, 0) > 0 OR COALESCE(l.between_s, 0) > 0 AS stood FROM lengths l
)
"""
"""Per clock, the time in it that was not the company's."""

_FIGURES = """
, counted AS MATERIALIZED (
    SELECT k.clause_id, k.standing, k.wording, k.part, GROUPING(k.part) = 1 AS whole,
           -- Made an id here: a cast beside the look-up would keep it from its index, since only
           -- leakproof comparisons may go before row-level security.
           CAST(max(k.id::text) AS uuid) AS newest,
           count(*) AS clocks,
           count(*) FILTER (WHERE k.bucket = 'met') AS met,
           count(*) FILTER (WHERE k.bucket = 'late') AS late,
           count(*) FILTER (WHERE k.bucket = 'no_figure') AS no_figure,
           count(*) FILTER (WHERE k.bucket = 'running') AS running,
           count(*) FILTER (WHERE k.bucket = 'running_late') AS running_late,
           count(*) FILTER (WHERE k.bucket = 'cancelled') AS cancelled,
           count(*) FILTER (WHERE k.decided) AS decided,
           count(*) FILTER (WHERE k.decided AND NOT k.exempt) AS adjusted,
           count(*) FILTER (WHERE k.exempt) AS exempt,
           count(*) FILTER (WHERE k.claimed) AS claimed,
           count(*) FILTER (WHERE k.refused) AS refused,
           count(*) FILTER (WHERE k.provisional) AS provisional,
           count(*) FILTER (WHERE l.stood) AS stood,
           count(k.taken_s) AS taken_count,
           percentile_disc(ARRAY[0.5, 0.9, 1.0]) WITHIN GROUP (ORDER BY k.taken_s) AS taken,
           count(k.over_s) AS over_count,
           percentile_disc(ARRAY[0.5, 0.9, 1.0]) WITHIN GROUP (ORDER BY k.over_s) AS over,
           COALESCE(sum(l.customer_s), 0) AS customer_s,
           COALESCE(sum(l.authority_s), 0) AS authority_s,
           COALESCE(sum(l.contractor_s), 0) AS contractor_s,
           COALESCE(sum(l.nature_s), 0) AS nature_s,
           COALESCE(sum(l.company_s), 0) AS company_s,
           COALESCE(sum(l.unnamed_s), 0) AS unnamed_s,
           COALESCE(sum(l.paused_s), 0) AS paused_s,
           COALESCE(sum(l.between_s), 0) AS between_s
    FROM (
        SELECT p.id, p.clause_id, p.standing, p.wording, p.bucket, p.decided, p.exempt, p.claimed,
               p.refused, p.provisional, p.taken_s, p.over_s,
               CASE CAST(:by AS text)
                   WHEN 'month' THEN p.month WHEN 'zone' THEN p.zone
                   WHEN 'class' THEN p.class WHEN 'process' THEN p.process
               END AS part
        FROM picked p
    ) k
    LEFT JOIN left_out l USING (id)
    GROUP BY GROUPING SETS (
        (k.clause_id, k.standing, k.wording), (k.clause_id, k.standing, k.wording, k.part)
    )
)
SELECT f.*, c.clause, c.subject_kind
FROM counted f
JOIN LATERAL (
    SELECT n.clause, n.subject_kind FROM clocks n WHERE n.id = f.newest OFFSET 0
) c ON true
WHERE f.whole OR CAST(:by AS text) <> 'none'
ORDER BY f.clause_id, f.wording, f.whole DESC, f.part
"""

_BEHIND = """
, behind AS (
    SELECT k.*, l.customer_s, l.authority_s, l.contractor_s, l.nature_s, l.company_s, l.unnamed_s,
           l.paused_s, l.between_s
    FROM picked k LEFT JOIN left_out l USING (id)
    WHERE CASE CAST(:bucket AS text)
        WHEN 'all' THEN true
        WHEN 'decided' THEN k.decided
        WHEN 'adjusted' THEN k.decided AND NOT k.exempt
        WHEN 'exempt' THEN k.exempt
        WHEN 'claimed' THEN k.claimed
        WHEN 'refused' THEN k.refused
        WHEN 'provisional' THEN k.provisional
        WHEN 'stood' THEN COALESCE(l.stood, false)
        ELSE k.bucket = :bucket
    END
)
"""
"""The clocks behind one number."""

_PAGE = """
, page AS (
    SELECT * FROM behind b
    WHERE CAST(:after_at AS timestamptz) IS NULL
       OR (b.started_at, b.id) > (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid))
    ORDER BY b.started_at, b.id
    LIMIT :limit
)
SELECT (SELECT count(*) FROM behind) AS total, p.*, c.arithmetic_zh, c.arithmetic_en,
       k.number AS case_number,
       CASE p.subject_kind
           WHEN 'incident' THEN i.number WHEN 'case' THEN k.number WHEN 'lead' THEN e.number
           WHEN 'issue' THEN q.number WHEN 'outage' THEN o.number
           WHEN 'deferral' THEN d.document_id WHEN 'routine' THEN u.code
       END AS subject_number
FROM page p
JOIN clocks c ON c.id = p.id
LEFT JOIN cases k ON k.id = CASE WHEN p.subject_kind = 'case' THEN p.subject_id ELSE p.case_id END
LEFT JOIN incidents i ON i.id = p.subject_id
LEFT JOIN leads e ON e.id = p.subject_id
LEFT JOIN followup_issues q ON q.id = p.subject_id
LEFT JOIN outages o ON o.id = p.subject_id
LEFT JOIN deferrals d ON d.id = p.subject_id
LEFT JOIN routines u ON u.id = p.subject_id
ORDER BY p.started_at, p.id
"""

_REPORT = text("".join((_PICKED, _LEFT_OUT, _FIGURES)))
_LIST = text("".join((_PICKED, _LEFT_OUT, _BEHIND, _PAGE)))
_COUNT = text("".join((_PICKED, _LEFT_OUT, _BEHIND, "SELECT count(*) FROM behind")))
_ZONES = text("SELECT DISTINCT ON (code) code, name FROM zones ORDER BY code, valid_from DESC")


def _given(tx: Tx, wanted: Wanted) -> dict[str, Any]:
    return {
        "now": tx.now,
        "begins": wanted.begins,
        "ends": wanted.ends,
        "time_zone": wanted.time_zone,
        "drill": wanted.drill,
        "zone": wanted.zone,
        "class": wanted.class_,
        "process": wanted.process,
        "standing": wanted.standing.value if wanted.standing else None,
        "subject_kind": wanted.subject_kind,
        "clause_id": wanted.clause_id,
        "wording": wanted.wording,
    }


async def figures(tx: Tx, wanted: Wanted, by: By) -> Sequence[RowMapping]:
    """The figures of every clause: a row for the whole, then one for each part."""
    rows = await tx.session.execute(_REPORT, _given(tx, wanted) | {"by": by.value})
    return rows.mappings().all()


async def clocks(
    tx: Tx, wanted: Wanted, bucket: Bucket, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[RowMapping]:
    """The clocks behind a number, the earliest started first; each row bears the `total`."""
    asked = _given(tx, wanted) | {
        "bucket": bucket.value,
        "after_at": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    return (await tx.session.execute(_LIST, asked)).mappings().all()


async def clock_count(tx: Tx, wanted: Wanted, bucket: Bucket) -> int:
    """How many clocks are behind a number."""
    found = await tx.session.scalar(_COUNT, _given(tx, wanted) | {"bucket": bucket.value})
    assert found is not None, "a count is a number"
    return int(found)


async def zone_names(tx: Tx) -> dict[str, str]:
    """The newest name of every zone there ever was, by its code."""
    return dict((await tx.session.execute(_ZONES)).all())
