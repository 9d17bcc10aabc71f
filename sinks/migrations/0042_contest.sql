-- Each member's part in a contest, on the local day of entering.
CREATE TABLE IF NOT EXISTS contest
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `contest_id` String COMMENT 'the contest',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `entered` Bool COMMENT 'the member took part',
    `finished` Bool COMMENT 'it was finished',
    `at` DateTime64(3, 'UTC') COMMENT 'when it was entered first',
    `duration_ms` Nullable(Int64) COMMENT 'from entering to finishing, at most the time allowed',
    `questions` Nullable(Int32) COMMENT 'questions of the set',
    `board` Bool COMMENT 'the member asks to be on the board',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `contest_id`)
SETTINGS index_granularity = 1024;
