-- Which organised sessions did each member attend, and for how long?
WITH
    @homes
SELECT
    a.member_id AS member_id,
    home.org_id AS org_id,
    home.category AS category,
    a.day AS day,
    a.session_id AS session_id,
    a.meeting AS meeting,
    a.methods AS methods,
    a.make_up AS make_up,
    a.at AS at,
    a.duration_ms AS duration_ms,
    a.course_id AS course_id,
    arrayMap(id -> toString(id), a.event_ids) AS event_ids,
    a.version AS version
FROM (
    SELECT * FROM attendance FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND @equal(course_id, course)
      AND attended
) AS a
@home(a.member_id, a.day)
ORDER BY member_id, day, session_id
