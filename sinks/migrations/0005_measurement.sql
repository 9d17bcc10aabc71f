-- Fitted parameters: one row a calibration, never changed afterwards.
CREATE TABLE IF NOT EXISTS calibrations
(
    `kind` LowCardinality(String) COMMENT 'irt: subject is an exam; bkt: subject is a knowledge point',
    `subject` String COMMENT 'exam or knowledge point',
    `version` UInt32 COMMENT 'from 1, grows by one with each calibration of the subject',
    `calibrated_at` DateTime64(6, 'UTC') COMMENT 'when it was computed',
    `generation` UInt16 COMMENT 'generation of the answers that it was computed from',
    `model` LowCardinality(String) COMMENT '2pl, rasch, mixed; fitted',
    `n` UInt64 COMMENT 'members behind it',
    `answers` UInt64 COMMENT 'answers behind it',
    `fingerprint` String COMMENT 'SHA-256 of the answers and of the method, to tell whether anything changed',
    `parameters` String COMMENT 'the calibration as JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (`kind`, `subject`, `version`);

-- Thresholds of rapid answers: frozen once a question has enough response times.
CREATE TABLE IF NOT EXISTS item_thresholds
(
    `question_id` String COMMENT 'question',
    `version` UInt32 COMMENT 'from 1; the largest holds',
    `ms` Float64 COMMENT 'an answer below this is rapid',
    `n` UInt64 COMMENT 'times that it rests on',
    `mean_ms` Float64 COMMENT 'their mean',
    `frozen_at` DateTime64(6, 'UTC') COMMENT 'when it was frozen',
    `generation` UInt16 COMMENT 'generation of the answers that it was computed from'
)
ENGINE = ReplacingMergeTree
ORDER BY (`question_id`, `version`);
