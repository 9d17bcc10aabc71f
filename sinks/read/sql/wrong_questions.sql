-- Which questions were answered wrong, what do they say, and were they answered right later?
WITH
    @homes,
    per_member AS (
        SELECT
            a.member_id AS member_id,
            a.course_id AS course_id,
            a.question_id AS question_id,
            argMax(home.org_id, a.at) AS org_id,
            argMax(home.category, a.at) AS category,
            toUInt64(1) AS members,
            count() AS answers,
            countIf(a.correct = false) AS wrong_answers,
            minIf(a.at, a.correct = false) AS first_wrong_at,
            maxIf(a.at, a.correct = false) AS last_wrong_at,
            -- Of two wrong answers in one millisecond the one with the larger text, so that the result is one.
            argMaxIf(a.chosen, (a.at, a.chosen), a.correct = false) AS last_wrong,
            toUInt64(maxIf(a.at, a.correct = true) > maxIf(a.at, a.correct = false)) AS later_right
        FROM (
            SELECT member_id, course_id, question_id, day, at, correct, arrayStringConcat(response, '\x1f') AS chosen
            FROM answers FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND @equal(course_id, course) AND @equal(exam_id, exam) AND @attempt_disclosed(exam_id) AND counted
        ) AS a
        @home(a.member_id, a.day)
        GROUP BY member_id, course_id, question_id
        HAVING wrong_answers > 0
    ),
    per_question AS (
        SELECT
            '' AS member_id, course_id, question_id, '' AS org_id, '' AS category,
            sum(p.members) AS members, sum(p.answers) AS answers, sum(p.wrong_answers) AS wrong_answers,
            min(p.first_wrong_at) AS first_wrong_at, max(p.last_wrong_at) AS last_wrong_at,
            argMax(p.last_wrong, (p.last_wrong_at, p.last_wrong)) AS last_wrong, sum(p.later_right) AS later_right
        FROM per_member AS p
        GROUP BY course_id, question_id
    )
SELECT
    w.member_id AS member_id,
    w.org_id AS org_id,
    w.category AS category,
    w.course_id AS course_id,
    w.question_id AS question_id,
    w.members AS members,
    w.wrong_answers AS wrong_answers,
    w.answers AS answers,
    w.first_wrong_at AS first_wrong_at,
    w.last_wrong_at AS last_wrong_at,
    if(w.last_wrong = '', [], splitByChar('\x1f', w.last_wrong)) AS last_wrong_response,
    w.later_right AS later_right,
    q.kind AS kind,
    q.text AS text,
    q.text_en AS text_en,
    [q.option_a, q.option_b, q.option_c, q.option_d, q.option_e, q.option_f] AS options,
    q.answer_key AS answer_key,
    q.explanation AS explanation,
    q.knowledge_points AS knowledge_points,
    q.exam_ids AS exam_ids
FROM @named(per_member, per_question) AS w
LEFT JOIN v_questions AS q ON q.question_id = w.question_id
ORDER BY member_id, members DESC, wrong_answers DESC, last_wrong_at DESC, course_id, question_id
