-- Who belongs where, and from when to when?
WITH
    @homes
SELECT
    h.member_id AS member_id,
    n.name AS name,
    h.org_id AS org_id,
    h.category AS category,
    h.role AS role,
    h.status AS status,
    nullIf(h.since, toDate32('1900-01-01')) AS valid_from,
    nullIf(h.until, toDate32('2299-12-31')) AS valid_to
FROM homes AS h
LEFT JOIN (
    SELECT member_id, argMax(name, ifNull(valid_from, toDate32('1900-01-01'))) AS name
    FROM v_members
    WHERE @members(member_id)
    GROUP BY member_id
) AS n ON n.member_id = h.member_id
WHERE @overlapping(h.since, h.until)
ORDER BY member_id, valid_from
