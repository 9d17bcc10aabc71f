-- What did each member answer, when, and what did it count for?
WITH
    @homes
SELECT
    a.member_id AS member_id,
    home.org_id AS org_id,
    home.category AS category,
    a.course_id AS course_id,
    a.question_id AS question_id,
    a.exam_id AS exam_id,
    a.attempt AS attempt,
    a.day AS day,
    a.at AS at,
    a.correct AS correct,
    a.score_micro / 1000000 AS score,
    a.max_micro / 1000000 AS max_score,
    a.response_ms AS response_ms,
    a.response AS response,
    if(empty(a.knowledge_points), q.knowledge_points, a.knowledge_points) AS knowledge_points,
    a.from_error AS from_error,
    toString(a.event_id) AS event_id,
    @private_attempt(a.exam_id) AS contest
FROM (
    SELECT * FROM answers FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND @equal(course_id, course)
      AND @equal(exam_id, exam) AND @attempt_disclosed(exam_id) AND counted
) AS a
@home(a.member_id, a.day)
LEFT JOIN (
    SELECT question_id, knowledge_points FROM v_questions WHERE notEmpty(knowledge_points)
) AS q ON q.question_id = a.question_id
ORDER BY member_id, at, event_id
