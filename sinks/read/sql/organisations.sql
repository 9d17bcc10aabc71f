-- Which organisations are there, and where in the tree?
WITH
    @homes
SELECT org_id, parent_id, name, kind, valid_from, valid_to
FROM v_organisations
WHERE @organisations(org_id)
ORDER BY org_id, valid_from
