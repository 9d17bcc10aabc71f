-- Which questions were answered wrong, what do they say, and were they answered right later?
WITH
    @homes,
    given AS (
        SELECT
            a.member_id AS member_id, home.org_id AS org_id, home.category AS category, a.course_id AS course_id,
            a.question_id AS question_id, a.correct AS correct, a.response AS response, (a.at, a.event_id) AS moment
        FROM (
            SELECT member_id, course_id, question_id, day, at, event_id, correct, response
            FROM answers FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND @equal(course_id, course) AND @equal(exam_id, exam) AND counted
        ) AS a
        @home(a.member_id, a.day)
    ),
    per_member AS (
        SELECT
            member_id, course_id, question_id,
            argMax(org_id, moment) AS org_id,
            argMax(category, moment) AS category,
            count() AS answers,
            countIf(correct = false) AS wrong_answers,
            minIf(moment.1, correct = false) AS first_wrong_at,
            maxIf(moment.1, correct = false) AS last_wrong_at,
            argMaxIf(response, moment, correct = false) AS last_wrong_response,
            maxIf(moment, correct = true) > maxIf(moment, correct = false) AS later_right
        FROM given
        GROUP BY member_id, course_id, question_id
        HAVING wrong_answers > 0
    ),
    wrong AS (
        SELECT
            @named(p.member_id, '') AS shown_member,
            @named(p.org_id, '') AS shown_org,
            @named(p.category, '') AS shown_category,
            course_id, question_id,
            count() AS members,
            sum(p.answers) AS answers,
            sum(p.wrong_answers) AS wrong_answers,
            min(p.first_wrong_at) AS first_wrong_at,
            max(p.last_wrong_at) AS last_wrong_at,
            argMax(p.last_wrong_response, p.last_wrong_at) AS last_wrong_response,
            sum(p.later_right) AS later_right
        FROM per_member AS p
        GROUP BY shown_member, shown_org, shown_category, course_id, question_id
    )
SELECT
    w.shown_member AS member_id,
    w.shown_org AS org_id,
    w.shown_category AS category,
    w.course_id AS course_id,
    w.question_id AS question_id,
    w.members AS members,
    w.wrong_answers AS wrong_answers,
    w.answers AS answers,
    w.first_wrong_at AS first_wrong_at,
    w.last_wrong_at AS last_wrong_at,
    w.last_wrong_response AS last_wrong_response,
    w.later_right AS later_right,
    q.kind AS kind,
    q.text AS text,
    q.text_en AS text_en,
    [q.option_a, q.option_b, q.option_c, q.option_d, q.option_e, q.option_f] AS options,
    q.answer_key AS answer_key,
    q.explanation AS explanation,
    q.knowledge_points AS knowledge_points,
    q.exam_ids AS exam_ids
FROM wrong AS w
LEFT JOIN v_questions AS q ON q.question_id = w.question_id
ORDER BY member_id, members DESC, wrong_answers DESC, last_wrong_at DESC, course_id, question_id
