-- What each member contributed to a discussion, by local day.
CREATE TABLE IF NOT EXISTS discussion
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `thread_id` String COMMENT 'the discussion',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `posted` UInt32 COMMENT 'new contributions of the day',
    `replied` UInt32 COMMENT 'replies of the day',
    `at` DateTime64(3, 'UTC') COMMENT 'first contribution of the day',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `question_id` String COMMENT 'question, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `thread_id`)
SETTINGS index_granularity = 1024;
