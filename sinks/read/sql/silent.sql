-- Which members and organisations of the period have no event in it?
WITH
    @homes,
    active AS (
        SELECT DISTINCT d.member_id AS member_id, home.org_id AS org_id
        FROM (
            SELECT member_id, day FROM member_day FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
              AND course_id = @course_or_all AND (events > 0 OR study_ms > 0)
        ) AS d
        @placed_home(d.member_id, d.day)
    )
SELECT kind, org_id, member_id, category, status, members
FROM (
    SELECT
        'member' AS kind, argMax(org_id, since) AS org_id, member_id, argMax(category, since) AS category,
        argMax(status, since) AS status, toUInt64(1) AS members
    FROM homes
    WHERE @overlapping(since, until) AND @named(1, 0) AND member_id NOT IN (SELECT member_id FROM active)
    GROUP BY member_id
    UNION ALL
    SELECT 'organisation' AS kind, org_id, '' AS member_id, '' AS category, '' AS status,
           uniqExact(member_id) AS members
    FROM homes
    WHERE @overlapping(since, until) AND @groups AND org_id NOT IN (SELECT org_id FROM active)
    GROUP BY org_id
)
ORDER BY kind DESC, org_id, member_id
