-- Which members and organisations of the period have no event in it?
WITH
    @homes,
    -- Members of whom a day was ever emptied. Of all others each version of a day says that there was something on it,
    -- so that it does not matter which one is read.
    emptied AS (
        SELECT DISTINCT member_id FROM member_day
        WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
          AND course_id = @course_or_all AND events = 0 AND study_ms = 0
    ),
    -- Days of a member beside the memberships: there are far fewer members than days to join.
    memberships_in_period AS (
        SELECT
            h.member_id AS member_id, h.org_id AS org_id, h.category AS category, h.status AS status, h.since AS since,
            arrayExists(day -> h.since <= day AND day < h.until, d.days) AS active
        FROM homes AS h
        LEFT JOIN (
            SELECT member_id, groupArray(day) AS days
            FROM (
                SELECT member_id, day FROM member_day
                WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
                  AND course_id = @course_or_all AND (events > 0 OR study_ms > 0)
                  AND member_id NOT IN (SELECT member_id FROM emptied)
                UNION ALL
                SELECT member_id, day FROM member_day FINAL
                WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day)
                  AND course_id = @course_or_all AND (events > 0 OR study_ms > 0)
                  AND member_id IN (SELECT member_id FROM emptied)
            )
            GROUP BY member_id
        ) AS d ON d.member_id = h.member_id
        WHERE @overlapping(h.since, h.until)
    )
SELECT kind, org_id, member_id, category, status, members
FROM (
    SELECT
        kind,
        if(kind = 'member', m.member_id, m.org_id) AS subject,
        if(kind = 'member', argMax(m.org_id, m.since), subject) AS org_id,
        if(kind = 'member', subject, '') AS member_id,
        if(kind = 'member', argMax(m.category, m.since), '') AS category,
        if(kind = 'member', argMax(m.status, m.since), '') AS status,
        uniqExact(m.member_id) AS members
    FROM memberships_in_period AS m
    ARRAY JOIN arrayConcat(if(@named(1, 0), ['member'], []), if(@groups, ['organisation'], [])) AS kind
    GROUP BY kind, subject
    HAVING NOT max(m.active)
)
ORDER BY kind DESC, org_id, member_id
