-- How hard was each question, how long did it take, and which wrong answer was chosen most?
WITH
    @homes,
    -- A bitmap of small numbers holds who answered in a third of the memory of their ids. 0: in no roster, on any day.
    numbered AS (
        SELECT member_id, toUInt32(row_number() OVER (ORDER BY member_id)) AS number
        FROM (SELECT DISTINCT member_id FROM homes)
    ),
    totals AS (
        SELECT
            a.course_id AS course_id, a.question_id AS question_id, count() AS answers,
            countIf(isNotNull(a.correct)) AS graded, countIf(a.correct = true) AS correct,
            groupBitmapIf(known.number, known.number > 0) + uniqExactIf(a.member_id, known.number = 0) AS members,
            groupBitmapIf(known.number, known.number > 0 AND a.correct = false)
                + uniqExactIf(a.member_id, known.number = 0 AND a.correct = false) AS members_wrong,
            sumIf(a.score_micro, isNotNull(a.correct)) AS score_micro,
            sumIf(a.max_micro, isNotNull(a.correct)) AS max_micro,
            sum(a.response_ms) / count(a.response_ms) AS mean_response_ms,
            sumMapIf(map(a.wrong, toUInt64(1)), a.wrong != '') AS chosen,
            -- Of those chosen equally often the first in the order of text.
            arraySort(choice -> (-choice.2, choice.1), arrayZip(mapKeys(chosen), mapValues(chosen)))[1] AS favourite
        FROM (
            SELECT member_id, course_id, question_id, day, correct, score_micro, max_micro, response_ms,
                   if(correct = false, arrayStringConcat(arraySort(response), ';'), '') AS wrong
            FROM answers FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND @equal(course_id, course) AND @equal(exam_id, exam) AND @attempt_counted(exam_id) AND counted
        ) AS a
        @at_home(a.member_id, a.day)
        LEFT JOIN numbered AS known ON known.member_id = a.member_id
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
    t.favourite.1 AS most_chosen_wrong,
    t.favourite.2 AS most_chosen_wrong_answers,
    c.title AS course_title,
    q.kind AS kind,
    q.text AS text,
    q.text_en AS text_en,
    [q.option_a, q.option_b, q.option_c, q.option_d, q.option_e, q.option_f] AS options,
    q.answer_key AS answer_key,
    q.knowledge_points AS knowledge_points,
    q.exam_ids AS exam_ids
FROM totals AS t
LEFT JOIN v_questions AS q ON q.question_id = t.question_id
LEFT JOIN v_courses AS c ON c.course_id = t.course_id
ORDER BY course_id, question_id
