-- Each request of a member, on the local day on which it was opened.
CREATE TABLE IF NOT EXISTS service
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `request_id` String COMMENT 'the request',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `opened` Bool COMMENT 'it was opened: false where only later steps are recorded',
    `answered` Bool COMMENT 'it has been answered',
    `closed` Bool COMMENT 'it has been closed',
    `at` DateTime64(3, 'UTC') COMMENT 'when it was opened',
    `answer_ms` Nullable(Int64) COMMENT 'from opening to the first answer',
    `close_ms` Nullable(Int64) COMMENT 'from opening to closing',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `request_id`)
SETTINGS index_granularity = 1024;
