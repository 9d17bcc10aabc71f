-- How late and how often did the events of each member arrive?
WITH
    @homes,
    bodies AS (
        SELECT e.member_id AS member_id, sum(e.bodies) AS events, sum(e.late) AS late,
               max(e.last_received_at) AS last_received_at
        FROM (
            SELECT member_id, toDate32(toTimeZone(at, {timezone:String})) AS local_day, count() AS bodies,
                   countIf(received_at > addDays(at, 1)) AS late, max(received_at) AS last_received_at
            FROM events FINAL
            WHERE @members(member_id) AND @during(at)
            GROUP BY member_id, local_day
        ) AS e
        @at_home(e.member_id, e.local_day)
        GROUP BY member_id
    ),
    again AS (
        SELECT d.member_id AS member_id, count() AS duplicates
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
        @at_home(e.member_id, e.local_day)
        GROUP BY member_id
    )
SELECT
    b.member_id AS member_id,
    b.events AS events,
    b.late AS late,
    a.duplicates AS duplicates,
    b.last_received_at AS last_received_at
FROM bodies AS b
LEFT JOIN again AS a ON a.member_id = b.member_id
ORDER BY member_id
