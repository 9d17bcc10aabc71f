-- Which lines were received but do not count, and why?
WITH
    @homes
SELECT
    r.received_at AS received_at,
    r.reason AS reason,
    @whole(r.detail) AS detail,
    r.member_id AS member_id,
    home.org_id AS org_id,
    r.event_id AS event_id,
    r.status AS status,
    @whole(r.raw) AS raw,
    r.cluster AS cluster,
    r.topic AS topic,
    r.partition AS partition,
    r.offset AS offset,
    r.line AS line,
    toDate(r.received_on) AS day
FROM (
    SELECT *, toDate32(toTimeZone(received_at, {timezone:String})) AS received_on
    FROM rejected_events FINAL
    WHERE @members(member_id) AND @during(received_at)
) AS r
@home(r.member_id, r.received_on)
ORDER BY cluster, topic, partition, offset, line
