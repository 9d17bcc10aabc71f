-- Which are the first and the last day with records?
WITH
    @homes
SELECT
    minOrNull(d.day) AS first_day,
    maxOrNull(d.day) AS last_day,
    minOrNullIf(d.day, notEmpty(home.org_id)) AS first_placed_day,
    maxOrNullIf(d.day, notEmpty(home.org_id)) AS last_placed_day
FROM (
    SELECT member_id, day FROM member_day FINAL
    WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND course_id = @course_or_all
      AND (events > 0 OR study_ms > 0)
) AS d
@home(d.member_id, d.day)
