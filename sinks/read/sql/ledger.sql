-- Does what was received balance with what became of it?
WITH
    -- Stretches in which a message is twice and not merged yet: their rows are read; of all others the sums are, a
    -- projection of the ledger, where no days are asked for.
    twice AS (
        SELECT cluster, topic, partition, intDiv(offset, 65536) AS stretch FROM ledger
        GROUP BY cluster, topic, partition, stretch
        HAVING count() != groupBitmap(toUInt32(modulo(offset, 65536)))
    )
SELECT
    l.lines AS lines,
    l.valid AS valid,
    r.lines_rejected AS rejected,
    l.forwarded AS forwarded,
    toUInt64(greatest(0, toInt64(l.valid) - toInt64(r.after_decoding) - toInt64(e.archived))) AS duplicates,
    l.late AS late,
    e.archived AS archived,
    r.open AS open,
    l.messages AS messages,
    l.last_received_at AS last_received_at
FROM (
    SELECT sum(s.lines) AS lines, sum(s.valid) AS valid, sum(s.forwarded) AS forwarded, sum(s.late) AS late,
           sum(s.messages) AS messages, if(sum(s.messages) = 0, NULL, max(s.last_received_at)) AS last_received_at
    FROM (
        SELECT sum(lines) AS lines, sum(valid) AS valid, sum(forwarded) AS forwarded, sum(late) AS late,
               count() AS messages, max(received_at) AS last_received_at
        FROM ledger
        WHERE @operator AND @during(received_at)
          AND (cluster, topic, partition, intDiv(offset, 65536)) NOT IN (SELECT * FROM twice)
        UNION ALL
        SELECT sum(lines) AS lines, sum(valid) AS valid, sum(forwarded) AS forwarded, sum(late) AS late,
               count() AS messages, max(received_at) AS last_received_at
        FROM ledger FINAL
        WHERE @during(received_at) AND (cluster, topic, partition, intDiv(offset, 65536)) IN (SELECT * FROM twice)
    ) AS s
) AS l
CROSS JOIN (
    SELECT count() AS lines_rejected, countIf(reason = 'conflict') AS after_decoding,
           countIf(status = 'open') AS open
    FROM rejected_events FINAL
    WHERE @during(received_at)
) AS r
CROSS JOIN (
    SELECT sum(ids) AS archived
    FROM (
        SELECT member_id, uniqExact(event_id) AS ids
        FROM events
        WHERE @during(received_at) AND (cluster, topic, partition, offset, line) NOT IN (
            SELECT cluster, topic, partition, offset, line FROM rejected_events WHERE reason = 'conflict')
        GROUP BY member_id
    )
) AS e
