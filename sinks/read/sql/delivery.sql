-- How late and how often did the events of each member arrive?
WITH
    @homes,
    bodies AS (
        SELECT e.member_id AS member_id, e.event_id AS event_id, e.body_hash AS body_hash, e.at AS at,
               e.received_at AS received_at
        FROM (
            SELECT member_id, event_id, body_hash, at, received_at,
                   toDate32(toTimeZone(at, {timezone:String})) AS local_day
            FROM events FINAL
            WHERE @members(member_id) AND @during(at)
        ) AS e
        @home(e.member_id, e.local_day)
    ),
    again AS (
        SELECT d.member_id AS member_id, count() AS duplicates
        FROM (
            SELECT member_id, event_id, body_hash FROM duplicates FINAL WHERE @members(member_id)
        ) AS d
        WHERE (d.member_id, d.event_id, d.body_hash) IN (SELECT member_id, event_id, body_hash FROM bodies)
        GROUP BY member_id
    )
SELECT
    b.member_id AS member_id,
    b.events AS events,
    b.late AS late,
    a.duplicates AS duplicates,
    b.last_received_at AS last_received_at
FROM (
    SELECT member_id, count() AS events, countIf(received_at > addDays(at, 1)) AS late,
           max(received_at) AS last_received_at
    FROM bodies
    GROUP BY member_id
) AS b
LEFT JOIN again AS a ON a.member_id = b.member_id
ORDER BY member_id
