-- Messages that travel the whole pipeline to measure it; nobody's events. Kept for a day.
CREATE TABLE IF NOT EXISTS probes
(
    `probe` String COMMENT 'name made by the sender',
    `partition` UInt32 COMMENT 'Kafka partition',
    `seen_us` Int64 COMMENT 'µs since the epoch at which its batch''s metrics were written'
)
ENGINE = ReplacingMergeTree
ORDER BY (`probe`, `partition`)
TTL toDateTime(intDiv(seen_us, 1000000)) + INTERVAL 1 DAY;
