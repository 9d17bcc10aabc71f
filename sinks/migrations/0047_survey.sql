-- How the members of an organisation answered a question of an anonymous survey, by local day.
CREATE TABLE IF NOT EXISTS survey
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'org: and the id of an organisation',
    `day` Date COMMENT 'local day',
    `item_id` String COMMENT 'question of the survey',
    `events` UInt32 COMMENT 'answers that count; 0: everything behind the row was taken back',
    `survey_id` String COMMENT 'the survey, by the day''s first answer',
    `choices` Array(String) COMMENT 'options that were chosen',
    `answers` Array(UInt32) COMMENT 'how often each of them was',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `item_id`)
SETTINGS index_granularity = 1024;
