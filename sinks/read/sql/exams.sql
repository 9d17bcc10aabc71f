-- How did each member do in each attempt at each exam, unanswered questions counted?
WITH
    @homes,
    attempts AS (
        -- Without FINAL: a superset, of which the rows that count are taken below.
        SELECT DISTINCT member_id, exam_id, attempt
        FROM answers
        WHERE generation = {generation:UInt16} AND exam_id != '' AND @members(member_id) AND @on_days(day)
          AND @equal(course_id, course) AND @equal(exam_id, exam) AND @attempt_disclosed(exam_id) AND counted
    ),
    given AS (
        SELECT
            d.member_id AS member_id, d.exam_id AS exam_id, d.attempt AS attempt,
            argMax(home.org_id, d.last_at) AS org_id, argMax(home.category, d.last_at) AS category,
            argMax(d.course_id, d.last_at) AS course_id, max(d.day) AS day, min(d.first_at) AS first_at,
            max(d.last_at) AS last_at, min(d.began_at) AS began_at, sum(d.graded) AS graded, sum(d.correct) AS correct,
            sum(d.score_micro) AS score_micro, sum(d.max_micro) AS max_micro, sum(d.response_ms) AS response_ms,
            groupUniqArrayArray(d.question_ids) AS question_ids
        FROM (
            -- By day first: where a member belonged is looked up for an attempt, not for each of its answers.
            SELECT
                member_id, exam_id, attempt, day, argMax(course_id, at) AS course_id, min(at) AS first_at,
                max(at) AS last_at, min(subtractMilliseconds(at, ifNull(answers.response_ms, 0))) AS began_at,
                countIf(isNotNull(answers.correct)) AS graded, countIf(answers.correct = true) AS correct,
                sum(answers.score_micro) AS score_micro, sum(answers.max_micro) AS max_micro,
                sum(ifNull(answers.response_ms, 0)) AS response_ms, groupUniqArray(question_id) AS question_ids
            FROM answers FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND counted AND exam_id != ''
              AND @equal(exam_id, exam) AND @attempt_disclosed(exam_id)
              AND (@any_day OR (member_id, exam_id, attempt) IN (SELECT member_id, exam_id, attempt FROM attempts))
            GROUP BY member_id, exam_id, attempt, day
        ) AS d
        @home(d.member_id, d.day)
        GROUP BY member_id, exam_id, attempt
        HAVING @on_days(day)
    ),
    items AS (
        SELECT exam_id, groupArray(question_id) AS question_ids,
               groupArray(toInt64(round(max_score * 1000000))) AS max_micros
        FROM v_exam_items
        GROUP BY exam_id
    )
SELECT
    g.exam_id AS exam_id,
    e.title AS title,
    g.course_id AS course_id,
    g.member_id AS member_id,
    g.org_id AS org_id,
    g.category AS category,
    g.attempt AS attempt,
    g.day AS day,
    g.began_at AS began_at,
    g.last_at AS ended_at,
    dateDiff('millisecond', g.began_at, g.last_at) AS duration_ms,
    g.response_ms AS response_ms,
    g.score_micro / 1000000 AS score,
    (g.max_micro + arraySum((question, points) -> if(has(g.question_ids, question), 0, points),
                            i.question_ids, i.max_micros)) / 1000000 AS max_score,
    e.max_score AS exam_max_score,
    length(g.question_ids) AS answered,
    g.graded AS graded,
    g.correct AS correct,
    length(arrayDistinct(arrayConcat(i.question_ids, g.question_ids))) AS questions
FROM given AS g
LEFT JOIN items AS i ON i.exam_id = g.exam_id
LEFT JOIN v_exams AS e ON e.exam_id = g.exam_id
ORDER BY member_id, exam_id, attempt
