-- Each piece of content that reached a member, on the local day of its first delivery.
CREATE TABLE IF NOT EXISTS push
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `content_id` String COMMENT 'the content',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `delivered` Bool COMMENT 'it reached the member',
    `opened` Bool COMMENT 'the member opened it',
    `at` DateTime64(3, 'UTC') COMMENT 'first delivery, or opening where none is recorded',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `content_id`)
SETTINGS index_granularity = 1024;
