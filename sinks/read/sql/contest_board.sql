-- What did those reach in each contest who asked to be on its board? Nobody else is in it, and nobody is ranked.
WITH
    @homes
SELECT
    c.member_id AS member_id,
    home.org_id AS org_id,
    c.day AS day,
    c.contest_id AS contest_id,
    c.finished AS finished,
    c.duration_ms AS duration_ms,
    c.questions AS questions,
    r.answers AS answers,
    r.correct AS correct,
    r.score AS score,
    r.max_score AS max_score
FROM (
    SELECT member_id, day, contest_id, finished, duration_ms, questions FROM contest FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND events > 0 AND board
) AS c
LEFT JOIN (
    SELECT member_id, exam_id, count() AS answers, countIf(correct) AS correct,
           sum(score_micro) / 1000000 AS score, sum(max_micro) / 1000000 AS max_score
    FROM answers FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND counted AND exam_id != '' AND attempt = 1
    GROUP BY member_id, exam_id
) AS r ON r.member_id = c.member_id AND r.exam_id = c.contest_id
@home(c.member_id, c.day)
ORDER BY member_id, day, contest_id
