-- A rejected line is tried again with the clock error that it was received with.
ALTER TABLE rejected_events
    ADD COLUMN IF NOT EXISTS `skew_ms` Int64 DEFAULT 0 COMMENT 'clock error estimated by the collector, sent again on a retry'
    AFTER `received_at`;
