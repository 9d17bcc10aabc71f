-- Stages of an appraisal that were completed for a member, by local day.
CREATE TABLE IF NOT EXISTS appraisal
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `appraisal_id` String COMMENT 'the appraisal, such as the year',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `stages` Array(LowCardinality(String)) COMMENT 'stages first completed on the day',
    `completed` UInt32 COMMENT 'how many those are',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `appraisal_id`)
SETTINGS index_granularity = 1024;
