-- The archive: every distinct body of every valid event, as received. The state of all metrics.
CREATE TABLE IF NOT EXISTS events
(
    `member_id` String COMMENT 'opaque member id',
    `at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'occurred_at, corrected by skew_ms',
    `event_id` UUID COMMENT 'id made by the producer',
    `body_hash` FixedString(16) COMMENT 'first half of the SHA-256 of the canonical form',
    `skew_ms` Int64 COMMENT 'clock error estimated by the collector, already added to the times',
    `event_type` LowCardinality(String) COMMENT 'study, answer, error, withdraw',
    `course_id` LowCardinality(String) COMMENT 'opaque course id',
    `received_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'first receipt by Kafka',
    `archived_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'when this row was written',
    `source` LowCardinality(String) COMMENT 'app and version, or ''''',
    `device_id` String COMMENT 'opaque device id, or ''''',
    `duration_ms` Nullable(Int64) COMMENT 'length of the interval; time on the question',
    `beat_ms` Nullable(Int64) COMMENT 'heartbeat period',
    `active_ms` Nullable(Int64) COMMENT 'part of the interval in focus',
    `unit_id` LowCardinality(String) COMMENT 'unit, or ''''',
    `session_id` String COMMENT 'client session, or ''''',
    `question_id` String COMMENT 'question, or ''''',
    `exam_id` LowCardinality(String) COMMENT 'exam, or '''' for practice',
    `attempt` UInt32 COMMENT 'attempt, from 1; 0 where there is none',
    `response` Array(String) COMMENT 'chosen options',
    `correct` Nullable(Bool) COMMENT 'right, wrong, or not graded',
    `score_micro` Nullable(Int64) COMMENT 'score in millionths',
    `max_micro` Nullable(Int64) COMMENT 'possible score in millionths',
    `knowledge_points` Array(LowCardinality(String)) COMMENT 'knowledge points named by the event',
    `answer_id` Nullable(UUID) COMMENT 'the answer that an error belongs to',
    `expected` String COMMENT 'right answer named by an error, or ''''',
    `kind` LowCardinality(String) COMMENT 'kind of error, or ''''',
    `target_id` Nullable(UUID) COMMENT 'event taken back: target_event_id or replaces',
    `reason` String COMMENT 'why it was withdrawn, or ''''',
    `cluster` LowCardinality(String) COMMENT 'one life of a Kafka cluster',
    `topic` LowCardinality(String) COMMENT 'Kafka topic',
    `partition` UInt32 COMMENT 'Kafka partition',
    `offset` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Kafka offset',
    `line` UInt32 COMMENT 'line in the message, from 0',
    `raw` String CODEC(ZSTD(3)) COMMENT 'the line as received',
    `keep` UInt64 COMMENT 'larger for earlier archived_at: the earliest row of a body stays'
)
ENGINE = ReplacingMergeTree(keep)
PARTITION BY toYYYYMM(at)
ORDER BY (`member_id`, `at`, `event_id`, `body_hash`, `skew_ms`)
SETTINGS index_granularity = 2048;

-- Valid lines whose event was already in the archive under another position.
CREATE TABLE IF NOT EXISTS duplicates
(
    `member_id` String COMMENT 'opaque member id',
    `event_id` UUID COMMENT 'id made by the producer',
    `body_hash` FixedString(16) COMMENT 'which body',
    `cluster` LowCardinality(String) COMMENT 'one life of a Kafka cluster',
    `topic` LowCardinality(String) COMMENT 'Kafka topic',
    `partition` UInt32 COMMENT 'Kafka partition',
    `offset` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Kafka offset',
    `line` UInt32 COMMENT 'line in the message, from 0',
    `received_at` DateTime64(3, 'UTC') COMMENT 'receipt of this line'
)
ENGINE = ReplacingMergeTree
ORDER BY (`member_id`, `event_id`, `cluster`, `topic`, `partition`, `offset`, `line`);

-- Lines that were received but do not count, whole, with the reason.
CREATE TABLE IF NOT EXISTS rejected_events
(
    `cluster` LowCardinality(String) COMMENT 'one life of a Kafka cluster',
    `topic` LowCardinality(String) COMMENT 'Kafka topic',
    `partition` UInt32 COMMENT 'Kafka partition',
    `offset` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Kafka offset',
    `line` UInt32 COMMENT 'line in the message, from 0',
    `reason` LowCardinality(String) COMMENT 'a key of schemas.decode.REASONS',
    `detail` String COMMENT 'field, value and rule',
    `raw` String CODEC(ZSTD(3)) COMMENT 'the line as received',
    `member_id` String COMMENT 'where it could be read, or ''''',
    `event_id` String COMMENT 'where it could be read, or ''''',
    `received_at` DateTime64(3, 'UTC') COMMENT 'first receipt',
    `status` LowCardinality(String) COMMENT 'open, retried, discarded',
    `version` UInt64 COMMENT '0, larger after a decision'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`cluster`, `topic`, `partition`, `offset`, `line`);

-- One row per Kafka message: how many lines it had and what became of them. Redelivery counts once.
CREATE TABLE IF NOT EXISTS ledger
(
    `cluster` LowCardinality(String) COMMENT 'one life of a Kafka cluster',
    `topic` LowCardinality(String) COMMENT 'Kafka topic',
    `partition` UInt32 COMMENT 'Kafka partition',
    `offset` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Kafka offset',
    `lines` UInt32 COMMENT 'non-empty lines',
    `valid` UInt32 COMMENT 'decoded and admitted',
    `rejected` UInt32 COMMENT 'rejected on decoding or admission',
    `forwarded` UInt32 COMMENT 'sent on to the partition of their member',
    `late` UInt32 COMMENT 'valid, received more than a day after they occurred',
    `received_at` DateTime64(3, 'UTC') COMMENT 'receipt by Kafka'
)
ENGINE = ReplacingMergeTree
ORDER BY (`cluster`, `topic`, `partition`, `offset`);
