-- Which events count, as they were sent, and which of them were taken back?
WITH
    @homes,
    lost AS (
        SELECT cluster, topic, partition, offset, line FROM rejected_events
        WHERE reason = 'conflict' AND @members(member_id)
    ),
    shifted AS (
        SELECT DISTINCT member_id, event_id FROM events WHERE skew_ms != 0 AND @members(member_id)
    ),
    first_shift AS (
        SELECT member_id, event_id, argMin((body_hash, skew_ms), (body_hash, abs(skew_ms), skew_ms < 0)) AS body
        FROM events
        WHERE @members(member_id) AND (member_id, event_id) IN (SELECT member_id, event_id FROM shifted)
        GROUP BY member_id, event_id
    ),
    taken AS (
        SELECT DISTINCT member_id, assumeNotNull(target_id) AS event_id
        FROM events
        WHERE isNotNull(target_id) AND @members(member_id)
          AND (cluster, topic, partition, offset, line) NOT IN (SELECT * FROM lost)
    ),
    private AS (
        -- What is said of an answer later tells about it too: that it was wrong, or was taken back.
        SELECT DISTINCT member_id, event_id FROM events WHERE @members(member_id) AND NOT (@attempt_disclosed(exam_id))
    )
SELECT
    toString(e.event_id) AS event_id,
    e.event_type AS event_type,
    e.member_id AS member_id,
    home.org_id AS org_id,
    home.category AS category,
    e.course_id AS course_id,
    e.unit_id AS unit_id,
    toDate(e.local_day) AS day,
    e.at AS at,
    e.received_at AS received_at,
    e.duration_ms AS duration_ms,
    e.beat_ms AS beat_ms,
    e.active_ms AS active_ms,
    e.question_id AS question_id,
    e.exam_id AS exam_id,
    e.attempt AS attempt,
    e.response AS response,
    e.correct AS correct,
    e.score_micro / 1000000 AS score,
    e.max_micro / 1000000 AS max_score,
    e.knowledge_points AS knowledge_points,
    if(isNull(e.answer_id), '', toString(e.answer_id)) AS answer_id,
    e.expected AS expected,
    e.kind AS kind,
    if(isNull(e.target_id), '', toString(e.target_id)) AS target_event_id,
    e.reason AS reason,
    (e.member_id, e.event_id) IN (SELECT member_id, event_id FROM taken) AS withdrawn,
    e.source AS source,
    e.device_id AS device_id,
    e.session_id AS session_id,
    e.skew_ms AS skew_ms,
    e.detail AS detail
FROM (
    SELECT * EXCEPT (raw), toDate32(toTimeZone(at, {timezone:String})) AS local_day
    FROM events FINAL
    WHERE @members(member_id) AND @during(at) AND @equal(course_id, course) AND @equal(exam_id, exam)
      AND (cluster, topic, partition, offset, line) NOT IN (SELECT * FROM lost)
      AND ((member_id, event_id) NOT IN (SELECT * FROM shifted)
           OR (member_id, event_id, (body_hash, skew_ms)) IN (SELECT * FROM first_shift))
) AS e
@home(e.member_id, e.local_day)
WHERE @disclosed(e.event_type, home.org_id) AND @attempt_disclosed(e.exam_id)
  AND (e.event_type = 'answer' OR (e.member_id, coalesce(e.answer_id, e.target_id, e.event_id)) NOT IN (
      SELECT member_id, event_id FROM private))
ORDER BY member_id, at, event_id
