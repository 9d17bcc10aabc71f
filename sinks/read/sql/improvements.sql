-- Which improvements does each organisation have, and how does each stand? Whoever took its steps: about organisations.
WITH
    @homes,
    taken AS (
        SELECT
            i.target_org AS target_org, i.improvement_id AS improvement_id, i.from_org AS from_org,
            i.problem AS problem, i.about AS about, i.course_id AS course_id,
            i.period_first AS period_first, i.period_last AS period_last,
            i.step AS step, i.moment AS moment, i.due AS due, i.action AS action,
            (i.moment, toString(i.event_id)) AS place, home.role AS role
        FROM (
            SELECT member_id, day, improvement_id, target_org, from_org, problem, about, course_id, period_first,
                   period_last, step, moment, due, action, event_id
            FROM improvement FINAL
            ARRAY JOIN steps AS step, moments AS moment, dues AS due, actions AS action, event_ids AS event_id
            WHERE generation = {generation:UInt16} AND @organisations(target_org) AND @on_days(day) AND events > 0
        ) AS i
        LEFT JOIN (SELECT member_id, role, since, until FROM homes) AS home
            ON home.member_id = i.member_id AND home.since <= i.day AND i.day < home.until
    ),
    stood AS (
        SELECT
            target_org, improvement_id,
            argMin((problem, about, course_id, from_org, period_first, period_last), (step != 'raised', place)) AS said,
            if(countIf(step = 'raised') > 0, minIf(moment, step = 'raised'), min(moment)) AS raised_ms,
            countIf(step = 'assigned') AS assigned, minIf(moment, step = 'assigned') AS assigned_ms,
            argMaxIf(role, place, step = 'assigned') AS owner_role,
            argMaxIf(due, place, due != '') AS due,
            countIf(step = 'acted') AS acted, maxIf(moment, step = 'acted') AS acted_ms,
            arraySort(groupUniqArrayIf(action, action != '')) AS actions,
            countIf(step = 'closed') AS closings, maxIf(place, step = 'closed') AS last_closed,
            uniqExactIf(place, step = 'reopened') AS reopened, maxIf(place, step = 'reopened') AS last_reopened,
            closings > 0 AND (reopened = 0 OR last_closed > last_reopened) AS closed,
            argMaxIf(step, place, step IN ('assigned', 'acted', 'reopened')) AS last_step
        FROM taken
        GROUP BY target_org, improvement_id
    )
SELECT
    target_org AS org_id,
    improvement_id,
    said.1 AS problem,
    said.2 AS about,
    said.3 AS course_id,
    said.4 AS from_org,
    said.5 AS period_first,
    said.6 AS period_last,
    multiIf(closed, 'closed', last_step = '', 'raised', last_step) AS state,
    fromUnixTimestamp64Milli(raised_ms, 'UTC') AS raised_at,
    if(assigned > 0, fromUnixTimestamp64Milli(assigned_ms, 'UTC'), NULL) AS assigned_at,
    owner_role,
    due,
    if(acted > 0, fromUnixTimestamp64Milli(acted_ms, 'UTC'), NULL) AS acted_at,
    actions,
    if(closed, fromUnixTimestamp64Milli(last_closed.1, 'UTC'), NULL) AS closed_at,
    reopened,
    if(reopened > 0, fromUnixTimestamp64Milli(last_reopened.1, 'UTC'), NULL) AS reopened_at
FROM stood
ORDER BY org_id, improvement_id
