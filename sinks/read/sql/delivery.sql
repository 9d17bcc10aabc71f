-- How late and how often did the events of each member arrive, by the day on which they happened?
WITH
    @homes,
    bodies AS (
        SELECT member_id, toDate32(toTimeZone(at, {timezone:String})) AS local_day, count() AS events,
               countIf(received_at > addDays(at, 1)) AS late, max(received_at) AS last_received_at
        FROM events FINAL
        WHERE @members(member_id) AND @during(at)
        GROUP BY member_id, local_day
    ),
    again AS (
        SELECT d.member_id AS member_id, e.local_day AS local_day, count() AS duplicates
        FROM (
            SELECT member_id, event_id, body_hash FROM duplicates FINAL WHERE @members(member_id)
        ) AS d
        INNER JOIN (
            SELECT member_id, event_id, body_hash, toDate32(toTimeZone(min(at), {timezone:String})) AS local_day
            FROM events
            WHERE @members(member_id) AND @during(at) AND (member_id, event_id, body_hash) IN (
                SELECT member_id, event_id, body_hash FROM duplicates WHERE @members(member_id))
            GROUP BY member_id, event_id, body_hash
        ) AS e ON e.member_id = d.member_id AND e.event_id = d.event_id AND e.body_hash = d.body_hash
        GROUP BY member_id, local_day
    )
SELECT
    f.member_id AS member_id,
    sum(f.events) AS events,
    sum(f.late) AS late,
    sum(f.duplicates) AS duplicates,
    max(f.last_received_at) AS last_received_at,
    home.org_id AS org_id,
    toDate(f.local_day) AS day
FROM (
    SELECT member_id, local_day, events, late, 0 AS duplicates, toNullable(last_received_at) AS last_received_at
    FROM bodies
    UNION ALL
    SELECT member_id, local_day, 0, 0, duplicates, NULL FROM again
) AS f
@home(f.member_id, f.local_day)
GROUP BY member_id, org_id, day
ORDER BY member_id, day
