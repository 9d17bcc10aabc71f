-- Members who owe no credit hours, and when; never why.
CREATE TABLE IF NOT EXISTS ref_exemptions
(
    `member_id` String COMMENT 'The same id as in the roster',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`member_id`, `import_id`, `ordinal`);

-- Credit hours owed a year; rows of a kind take the place of the rule file's quotas of that kind.
CREATE TABLE IF NOT EXISTS ref_quotas
(
    `quota_id` String COMMENT 'Number of the document or the like; shown in reports',
    `kind` LowCardinality(String) COMMENT 'Organised sessions and self-study are never added',
    `hours` Nullable(Float64) COMMENT 'Hours of credit owed for a calendar year',
    `category` LowCardinality(String) COMMENT 'Empty = every category',
    `role` LowCardinality(String) COMMENT 'Empty = every role',
    `org_id` String COMMENT 'It and what is below it; empty = all',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`quota_id`, `import_id`, `ordinal`);

-- Attendance at organised sessions that counts, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_attendance AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day, a.session_id AS session_id,
    a.meeting AS meeting, a.methods AS methods, a.make_up AS make_up, a.at AS at, a.duration_ms AS duration_ms,
    a.course_id AS course_id, a.event_ids AS event_ids
FROM (
    SELECT * FROM attendance FINAL WHERE generation = (SELECT generation FROM v_generation) AND attended
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;
