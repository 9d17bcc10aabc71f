-- Which organised sessions took place in each organisation, and how many of its members attended?
WITH
    @homes,
    headcount AS (
        SELECT org_id, since, sum(change) OVER (PARTITION BY org_id ORDER BY since) AS members
        FROM (
            SELECT @node(homes.org_id) AS org_id, at AS since, sum(step) AS change
            FROM homes
            ARRAY JOIN [since, until] AS at, [1, -1] AS step
            GROUP BY org_id, at
        )
    ),
    held AS (
        SELECT
            @node(home.org_id) AS org_id, a.day AS day, a.session_id AS session_id, argMin(a.meeting, a.at) AS meeting,
            uniqExact(a.member_id) AS attended, uniqExactIf(a.member_id, a.make_up) AS made_up,
            countIf(isNull(a.duration_ms)) AS without_length, max(a.duration_ms) AS longest_ms,
            arraySort(groupUniqArrayArray(a.methods)) AS methods
        FROM (
            SELECT member_id, day, session_id, meeting, methods, make_up, duration_ms, at FROM attendance FINAL
            WHERE generation = {generation:UInt16} AND @members(member_id) AND @on_days(day) AND attended
        ) AS a
        @placed_home(a.member_id, a.day)
        GROUP BY org_id, day, session_id
    )
SELECT
    held.org_id AS org_id,
    held.day AS day,
    held.session_id AS session_id,
    held.meeting AS meeting,
    headcount.members AS members,
    held.attended AS attended,
    held.made_up AS made_up,
    held.without_length AS without_length,
    held.longest_ms AS longest_ms,
    held.methods AS methods
FROM held
ASOF LEFT JOIN headcount ON headcount.org_id = held.org_id AND held.day >= headcount.since
ORDER BY org_id, day, session_id
