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
WITH terms_and_clocks AS (
    SELECT c.company_id, c.id, c.clause_id, c.number, c.subject_kind, c.subject_id, c.case_id,
           c.terms_id, c.state, c.exemption, c.started_at, c.due_at, c.stopped_at, c.ended_reason,
           c.unknown_year IS NOT NULL AND c.state <> 'cancelled' AS provisional,
           COALESCE(
               c.clause ->> 'standing',
               CASE WHEN c.clause ->> 'own_promise' = 'true' THEN 'promise' ELSE 'default' END
           ) AS standing,
           c.clause -> 'limit' AS bounds,
           c.clause -> 'pauses' AS pauses,
           c.clause -> 'segments' AS segments,
           to_char(c.started_at AT TIME ZONE CAST(:time_zone AS text), 'YYYY-MM') AS month,
           COALESCE(i.zone_code, t.zone_code, '-') AS zone,
           COALESCE(r.class, t.customer_class, '-') AS class,
           COALESCE(t.process, '-') AS process,
           CASE
               WHEN c.state = 'running' AND c.due_at < :now THEN 'running_late'
               WHEN c.state = 'met' AND c.due_at IS NULL
                    AND c.clause -> 'limit' ->> 'unit' IN ('none', 'on_date', 'before')
               THEN 'no_figure'
               ELSE c.state
           END AS bucket,
           CASE WHEN c.state <> 'cancelled'
                THEN GREATEST(COALESCE(c.stopped_at, :now), c.started_at) END AS until_at
    FROM clocks c
    LEFT JOIN promise_terms t ON t.company_id = c.company_id AND t.id = c.terms_id
    LEFT JOIN promise_rounds r ON r.company_id = c.company_id AND r.id = c.round_id
    LEFT JOIN incidents i ON i.company_id = c.company_id AND i.id = c.subject_id
                             AND c.subject_kind = 'incident'
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
           jsonb_array_length(COALESCE(k.segments, '[]'::jsonb)) > 0 AS summed,
           CASE WHEN k.bucket IN ('met', 'late', 'no_figure')
                THEN extract(epoch FROM k.until_at - k.started_at)::double precision END AS taken_s,
           CASE WHEN k.bucket IN ('late', 'running_late')
                THEN extract(epoch FROM COALESCE(k.stopped_at, :now) - k.due_at)::double precision
                END AS over_s
    FROM terms_and_clocks k
    WHERE (CAST(:zone AS text) IS NULL OR k.zone = :zone)
      AND (CAST(:class AS text) IS NULL OR k.class = :class)
      AND (CAST(:process AS text) IS NULL OR k.process = :process)
      AND (CAST(:standing AS text) IS NULL OR k.standing = :standing)
      AND (CAST(:wording AS text) IS NULL
           OR left(md5(k.standing || k.bounds::text), 8) = :wording)
)
"""
"""The clocks that are meant, each with its bucket and its parts."""

_LEFT_OUT = """
, stretches AS (
    -- A start inside a stretch leads to that stretch's own end, so the union over all starts is the
    -- union of the stretches themselves.
    SELECT k.id, range_agg(tstzrange(f.at, LEAST(COALESCE(s.at, k.until_at), k.until_at))) AS own
    FROM picked k
    CROSS JOIN LATERAL jsonb_array_elements(k.segments) AS g (segment)
    JOIN reported_facts f
      ON f.company_id = k.company_id AND f.subject_kind = k.subject_kind
     AND f.subject_id = k.subject_id AND f.what = g.segment ->> 'start'
     AND f.at >= k.started_at AND f.at < k.until_at
    LEFT JOIN LATERAL (
        SELECT min(e.at) AS at FROM reported_facts e
        WHERE e.company_id = k.company_id AND e.subject_kind = k.subject_kind
          AND e.subject_id = k.subject_id AND e.what = g.segment ->> 'stop' AND e.at >= f.at
    ) s ON true
    WHERE k.summed
    GROUP BY k.id
),
whose_pauses AS (
    SELECT k.id, k.summed, COALESCE(cause.whose, 'unnamed') AS whose,
           range_agg(tstzrange(
               GREATEST(p.from_at, k.started_at),
               LEAST(COALESCE(p.to_at, k.until_at), k.until_at)
           )) AS spans
    FROM picked k
    JOIN promise_pauses p
      ON p.company_id = k.company_id AND p.subject_kind = k.subject_kind
     AND p.subject_id = k.subject_id AND p.from_at < k.until_at
     AND COALESCE(p.to_at, k.until_at) > k.started_at AND jsonb_exists(k.pauses, p.cause)
    LEFT JOIN promise_terms t ON t.company_id = k.company_id AND t.id = k.terms_id
    LEFT JOIN LATERAL (
        SELECT one ->> 'whose' AS whose FROM jsonb_array_elements(t.causes) AS c (one)
        WHERE one ->> 'code' = p.cause LIMIT 1
    ) cause ON true
    GROUP BY k.id, k.summed, COALESCE(cause.whose, 'unnamed')
),
counted_pauses AS (
    -- A sum stands between its stages anyway: of a pause only what fell into a stage counts.
    SELECT w.id, w.whose,
           CASE WHEN w.summed THEN w.spans * COALESCE(s.own, '{}'::tstzmultirange) ELSE w.spans END
           AS spans
    FROM whose_pauses w LEFT JOIN stretches s USING (id)
),
whose_lengths AS (
    SELECT id,
           sum(length_s) FILTER (WHERE whose = 'customer') AS customer_s,
           sum(length_s) FILTER (WHERE whose = 'authority') AS authority_s,
           sum(length_s) FILTER (WHERE whose = 'contractor') AS contractor_s,
           sum(length_s) FILTER (WHERE whose = 'nature') AS nature_s,
           sum(length_s) FILTER (WHERE whose = 'company') AS company_s,
           sum(length_s) FILTER (WHERE whose = 'unnamed') AS unnamed_s
    FROM (
        SELECT q.id, q.whose, extract(epoch FROM upper(u) - lower(u))::double precision AS length_s
        FROM counted_pauses q CROSS JOIN LATERAL unnest(q.spans) AS u
    ) one
    GROUP BY id
),
paused AS (
    SELECT q.id, sum(extract(epoch FROM upper(u) - lower(u))::double precision) AS paused_s
    FROM (SELECT id, range_agg(spans) AS spans FROM (
              SELECT p.id, unnest(p.spans) AS spans FROM counted_pauses p
          ) each GROUP BY id) q
    CROSS JOIN LATERAL unnest(q.spans) AS u
    GROUP BY q.id
),
gaps AS (
    SELECT k.id,
           extract(epoch FROM k.until_at - k.started_at)::double precision - COALESCE((
               SELECT sum(extract(epoch FROM upper(u) - lower(u))::double precision)
               FROM unnest(s.own) AS u
           ), 0) AS between_s
    FROM picked k LEFT JOIN stretches s USING (id)
    WHERE k.summed AND k.until_at IS NOT NULL
),
left_out AS (
    SELECT id, w.customer_s, w.authority_s, w.contractor_s, w.nature_s, w.company_s, w.unnamed_s,
           p.paused_s, g.between_s,
           COALESCE(p.paused_s, 0) > 0 OR COALESCE(g.between_s, 0) > 0 AS stood
    FROM whose_lengths w FULL JOIN paused p USING (id) FULL JOIN gaps g USING (id)
)
"""
"""Per clock, the time in it that was not the company's."""

_FIGURES = """
, counted AS (
    SELECT k.clause_id, k.standing, k.wording, k.part, GROUPING(k.part) = 1 AS whole,
           max(k.id::text) AS newest,
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
        SELECT p.*,
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
FROM counted f JOIN clocks c ON c.id = CAST(f.newest AS uuid)
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
JOIN clocks c ON c.company_id = p.company_id AND c.id = p.id
LEFT JOIN cases k ON k.company_id = p.company_id
     AND k.id = CASE WHEN p.subject_kind = 'case' THEN p.subject_id ELSE p.case_id END
LEFT JOIN incidents i ON i.company_id = p.company_id AND i.id = p.subject_id
LEFT JOIN leads e ON e.company_id = p.company_id AND e.id = p.subject_id
LEFT JOIN followup_issues q ON q.company_id = p.company_id AND q.id = p.subject_id
LEFT JOIN outages o ON o.company_id = p.company_id AND o.id = p.subject_id
LEFT JOIN deferrals d ON d.company_id = p.company_id AND d.id = p.subject_id
LEFT JOIN routines u ON u.company_id = p.company_id AND u.id = p.subject_id
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
