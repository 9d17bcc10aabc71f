-- Who belongs where, and from when to when?
WITH
    @homes
SELECT
    member_id,
    name,
    org_id,
    category,
    role,
    status,
    nullIf(since, toDate32('1900-01-01')) AS valid_from,
    nullIf(until, toDate32('2299-12-31')) AS valid_to
FROM homes
WHERE @overlapping(since, until)
ORDER BY member_id, since
