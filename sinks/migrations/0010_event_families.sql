-- What events of further families say: what they are about, and their own fields.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS `subject_id` String COMMENT 'what an event of a further family is about, such as a session; or '''''
    AFTER `reason`,
    ADD COLUMN IF NOT EXISTS `detail` String CODEC(ZSTD(1)) COMMENT 'fields of a further family as JSON, or '''''
    AFTER `subject_id`;

-- What each member's attendance at an organised session counts for, by local day.
CREATE TABLE IF NOT EXISTS attendance
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `session_id` String COMMENT 'organised session',
    `attended` Bool COMMENT 'false: everything behind the row was taken back',
    `meeting` LowCardinality(String) COMMENT 'kind of session, by the first record',
    `methods` Array(LowCardinality(String)) COMMENT 'how it was recorded',
    `make_up` Bool COMMENT 'made up for a session that was missed',
    `at` DateTime64(3, 'UTC') COMMENT 'first record',
    `duration_ms` Nullable(Int64) COMMENT 'how long; NULL: no record says',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `session_id`)
SETTINGS index_granularity = 1024;
