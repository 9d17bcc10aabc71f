-- The status of each member's dues, on the local day on which it was first set.
CREATE TABLE IF NOT EXISTS dues
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `due_id` String COMMENT 'what is due, such as the month',
    `events` UInt32 COMMENT 'events that count; 0: everything behind the row was taken back',
    `status` LowCardinality(String) COMMENT 'paid, unpaid or exempt, by the latest event',
    `owed` Bool COMMENT 'dues are owed: not exempt',
    `paid` Bool COMMENT 'they are paid',
    `at` DateTime64(3, 'UTC') COMMENT 'when the status was set',
    `event_ids` Array(UUID) COMMENT 'events that count',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `due_id`)
SETTINGS index_granularity = 1024;
