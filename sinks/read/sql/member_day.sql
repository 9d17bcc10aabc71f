-- How long did each member study on each day, and how did they answer?
WITH
    @homes
SELECT
    d.member_id AS member_id,
    home.org_id AS org_id,
    d.course_id AS course_id,
    d.day AS day,
    d.study_ms / 1000 AS study_seconds,
    d.sessions AS sessions,
    d.answers AS answers,
    d.correct AS correct,
    d.score_micro / 1000000 AS score,
    d.max_micro / 1000000 AS max_score,
    d.response_ms AS response_ms,
    d.wrong_questions AS wrong_questions,
    d.version AS version,
    d.graded AS graded,
    d.overlap_ms / 1000 AS overlap_seconds,
    d.active_ms / 1000 AS active_seconds,
    d.open_ms / 1000 AS open_seconds,
    d.timed_answers AS timed_answers,
    d.events AS events,
    d.capped AS capped,
    d.first_at AS first_at,
    d.last_at AS last_at,
    arrayMap(ms -> ms / 1000, d.hour_ms) AS hour_seconds,
    home.category AS category
FROM (
    SELECT * FROM member_day FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND @equal(course_id, course)
      AND (events > 0 OR study_ms > 0)
) AS d
@home(d.member_id, d.day)
ORDER BY member_id, day, course_id
