-- Up to which instant raw events have been dropped. Figures of days before it stay as they are.
CREATE TABLE IF NOT EXISTS retention
(
    `closed_to` Int64 COMMENT 'ms UTC; events before it are gone or going',
    `decided_at` DateTime64(6, 'UTC') COMMENT 'when it was decided'
)
ENGINE = ReplacingMergeTree
ORDER BY (`closed_to`);
