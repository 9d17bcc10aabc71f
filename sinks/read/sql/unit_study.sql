-- How long was each unit open to each member? Sums of intervals, each cut to 4 hours: what completion is made from.
WITH
    @homes,
    lost AS (
        SELECT cluster, topic, partition, offset, line FROM rejected_events
        WHERE reason = 'conflict' AND @members(member_id)
    ),
    taken AS (
        SELECT DISTINCT member_id, assumeNotNull(target_id) AS event_id
        FROM events
        WHERE isNotNull(target_id) AND @members(member_id)
          AND (cluster, topic, partition, offset, line) NOT IN (SELECT * FROM lost)
    )
SELECT
    e.member_id AS member_id,
    e.course_id AS course_id,
    e.unit_id AS unit_id,
    sum(e.length_ms) / 1000 AS open_seconds,
    min(e.at) AS first_at,
    max(e.at) AS last_at
FROM (
    SELECT member_id, event_id, any(course_id) AS course_id, any(unit_id) AS unit_id, any(at) AS at,
           any(length_ms) AS length_ms, any(local_day) AS local_day
    FROM (
        SELECT member_id, event_id, course_id, unit_id, at,
               if(isNull(beat_ms), least(ifNull(duration_ms, 0), 14400000), assumeNotNull(beat_ms)) AS length_ms,
               toDate32(toTimeZone(at, {timezone:String})) AS local_day
        FROM events
        WHERE @members(member_id) AND @during(at) AND @equal(course_id, course) AND event_type = 'study'
          AND unit_id != ''
          AND (cluster, topic, partition, offset, line) NOT IN (SELECT * FROM lost)
          AND (member_id, event_id) NOT IN (SELECT * FROM taken)
    )
    GROUP BY member_id, event_id
) AS e
@at_home(e.member_id, e.local_day)
GROUP BY member_id, course_id, unit_id
ORDER BY member_id, course_id, unit_id
