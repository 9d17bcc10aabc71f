-- How current is the store, and with which definitions was it computed?
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
    SELECT maxOrNull(received_at) AS last_received_at, count() AS messages, sum(lines) AS lines
    FROM ledger FINAL
    WHERE @public
) AS l
CROSS JOIN (
    SELECT
        maxIf(import_id, kind = 'roster') AS roster_import,
        maxOrNullIf(recorded_at, kind = 'roster') AS roster_recorded_at,
        maxIf(import_id, kind = 'catalogue') AS catalogue_import,
        maxOrNullIf(recorded_at, kind = 'catalogue') AS catalogue_recorded_at
    FROM v_imports
) AS i
