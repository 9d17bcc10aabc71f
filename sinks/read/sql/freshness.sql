-- How current is the store, and with which definitions was it computed?
WITH
    -- Stretches in which a message is twice and not merged yet: their rows are read; of all others the sums are, a
    -- projection of the ledger.
    twice AS (
        SELECT cluster, topic, partition, intDiv(offset, 65536) AS stretch FROM ledger
        GROUP BY cluster, topic, partition, stretch
        HAVING count() != groupBitmap(toUInt32(modulo(offset, 65536)))
    )
SELECT
    {generation:UInt16} AS generation,
    {timezone:String} AS timezone,
    l.last_received_at AS last_received_at,
    l.messages AS messages,
    l.lines AS lines,
    i.roster_import AS roster_import,
    i.roster_recorded_at AS roster_recorded_at,
    i.catalogue_import AS catalogue_import,
    i.catalogue_recorded_at AS catalogue_recorded_at,
    now64(3, 'UTC') AS asked_at
FROM (
    SELECT if(sum(s.messages) = 0, NULL, max(s.last_received_at)) AS last_received_at, sum(s.messages) AS messages,
           sum(s.lines) AS lines
    FROM (
        SELECT count() AS messages, sum(lines) AS lines, max(received_at) AS last_received_at
        FROM ledger
        WHERE @public AND (cluster, topic, partition, intDiv(offset, 65536)) NOT IN (SELECT * FROM twice)
        UNION ALL
        SELECT count() AS messages, sum(lines) AS lines, max(received_at) AS last_received_at
        FROM ledger FINAL
        WHERE (cluster, topic, partition, intDiv(offset, 65536)) IN (SELECT * FROM twice)
    ) AS s
) AS l
CROSS JOIN (
    SELECT
        maxIf(import_id, kind = 'roster') AS roster_import,
        maxOrNullIf(recorded_at, kind = 'roster') AS roster_recorded_at,
        maxIf(import_id, kind = 'catalogue') AS catalogue_import,
        maxOrNullIf(recorded_at, kind = 'catalogue') AS catalogue_recorded_at
    FROM v_imports
) AS i
