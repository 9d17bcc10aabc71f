-- What each member did for an improvement of an organisation on a local day.
CREATE TABLE IF NOT EXISTS improvement
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `improvement_id` String COMMENT 'the improvement',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `target_org` LowCardinality(String) COMMENT 'organisation that is to improve, by the day''s first step',
    `from_org` LowCardinality(String) COMMENT 'organisation above that sent it down, or ''''',
    `problem` LowCardinality(String) COMMENT 'what was found: code of a suggestion or figure',
    `about` String COMMENT 'knowledge point or question that it is about, or ''''',
    `course_id` LowCardinality(String) COMMENT 'course, or ''''',
    `period_first` String COMMENT 'first day of the period whose figures show it, or ''''',
    `period_last` String COMMENT 'last day of that period, or ''''',
    `steps` Array(LowCardinality(String)) COMMENT 'the day''s steps in their order',
    `moments` Array(Int64) COMMENT 'when each was taken, in ms since 1970 (UTC)',
    `dues` Array(String) COMMENT 'day by which each says that it is to be closed, or ''''',
    `actions` Array(LowCardinality(String)) COMMENT 'what each says was done, or ''''',
    `event_ids` Array(UUID) COMMENT 'the events, in the same order',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `improvement_id`)
SETTINGS index_granularity = 1024;
