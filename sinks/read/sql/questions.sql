-- How hard was each question, how long did it take, and which wrong answer was chosen most?
WITH
    @homes,
    given AS (
        SELECT a.*
        FROM (
            SELECT member_id, course_id, question_id, day, correct, score_micro, max_micro, response_ms,
                   arrayStringConcat(arraySort(response), ';') AS chosen
            FROM answers FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND @equal(course_id, course) AND @equal(exam_id, exam) AND counted
        ) AS a
        @home(a.member_id, a.day)
    ),
    choices AS (
        SELECT course_id, question_id, chosen, count() AS times
        FROM given
        WHERE correct = false AND chosen != ''
        GROUP BY course_id, question_id, chosen
    ),
    favourites AS (
        SELECT course_id, question_id, chosen, times
        FROM choices
        ORDER BY times DESC, chosen
        LIMIT 1 BY course_id, question_id
    ),
    totals AS (
        SELECT
            g.course_id AS course_id, g.question_id AS question_id, count() AS answers,
            countIf(isNotNull(g.correct)) AS graded, countIf(g.correct = true) AS correct,
            uniqExact(g.member_id) AS members, uniqExactIf(g.member_id, g.correct = false) AS members_wrong,
            sumIf(g.score_micro, isNotNull(g.correct)) AS score_micro,
            sumIf(g.max_micro, isNotNull(g.correct)) AS max_micro,
            avg(g.response_ms) AS mean_response_ms
        FROM given AS g
        GROUP BY course_id, question_id
    )
SELECT
    t.course_id AS course_id,
    t.question_id AS question_id,
    t.answers AS answers,
    t.graded AS graded,
    t.correct AS correct,
    t.members AS members,
    t.members_wrong AS members_wrong,
    if(t.max_micro > 0, t.score_micro / t.max_micro, NULL) AS facility,
    t.mean_response_ms AS mean_response_ms,
    f.chosen AS most_chosen_wrong,
    f.times AS most_chosen_wrong_answers,
    c.title AS course_title,
    q.kind AS kind,
    q.text AS text,
    q.text_en AS text_en,
    [q.option_a, q.option_b, q.option_c, q.option_d, q.option_e, q.option_f] AS options,
    q.answer_key AS answer_key,
    q.knowledge_points AS knowledge_points,
    q.exam_ids AS exam_ids
FROM totals AS t
LEFT JOIN favourites AS f ON f.course_id = t.course_id AND f.question_id = t.question_id
LEFT JOIN v_questions AS q ON q.question_id = t.question_id
LEFT JOIN v_courses AS c ON c.course_id = t.course_id
ORDER BY course_id, question_id
