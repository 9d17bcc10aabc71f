-- How much was studied and answered in each organisation on each day?
WITH
    @homes,
    headcount AS (
        SELECT org_id, since, sum(change) OVER (PARTITION BY org_id ORDER BY since) AS members
        FROM (
            SELECT @node(homes.org_id) AS org_id, at AS since, sum(step) AS change
            FROM homes
            ARRAY JOIN [since, until] AS at, [1, -1] AS step
            GROUP BY org_id, at
        )
    ),
    days AS (
        SELECT
            @node(home.org_id) AS org_id, d.course_id AS course_id, d.day AS day,
            countIf(d.events > 0 OR d.study_ms > 0) AS active_members,
            sum(d.study_ms) AS study_ms, sum(d.answers) AS answers, sum(d.correct) AS correct,
            sum(d.score_micro) AS score_micro, sum(d.max_micro) AS max_micro, sum(d.version) AS versions,
            sum(d.graded) AS graded, sum(d.sessions) AS sessions, sum(d.response_ms) AS response_ms,
            sum(d.timed_answers) AS timed_answers, sum(d.wrong_questions) AS wrong_questions, sum(d.events) AS events
        FROM (
            SELECT member_id, course_id, day, study_ms, answers, correct, score_micro, max_micro, version, graded,
                   sessions, response_ms, timed_answers, wrong_questions, events
            FROM member_day FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND @equal(course_id, course)
        ) AS d
        @placed_home(d.member_id, d.day)
        GROUP BY org_id, course_id, day
        HAVING active_members > 0
    )
SELECT
    days.org_id AS org_id,
    days.course_id AS course_id,
    days.day AS day,
    headcount.members AS members,
    days.active_members AS active_members,
    days.study_ms / 1000 AS study_seconds,
    days.answers AS answers,
    days.correct AS correct,
    days.score_micro / 1000000 AS score,
    days.max_micro / 1000000 AS max_score,
    bitShiftLeft(toUInt64((SELECT max(import_id) FROM imports WHERE kind = 'roster')), 40) + days.versions AS version,
    days.graded AS graded,
    days.sessions AS sessions,
    days.response_ms AS response_ms,
    days.timed_answers AS timed_answers,
    days.wrong_questions AS wrong_questions,
    days.events AS events
FROM days
ASOF LEFT JOIN headcount ON headcount.org_id = days.org_id AND days.day >= headcount.since
ORDER BY org_id, day, course_id
