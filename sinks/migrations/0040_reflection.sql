-- Each reflection that a member submitted, on the local day of its first submission.
CREATE TABLE IF NOT EXISTS reflection
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `reflection_id` String COMMENT 'the reflection',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `submitted` Bool COMMENT 'it was submitted',
    `replied` Bool COMMENT 'somebody has replied since',
    `at` DateTime64(3, 'UTC') COMMENT 'first submission',
    `reply_ms` Nullable(Int64) COMMENT 'from the first submission to the first reply',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `reflection_id`)
SETTINGS index_granularity = 1024;
