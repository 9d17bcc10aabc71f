-- Who did or looked at what, when and what for: chains of sealed entries, only ever added to. Members stand in it as keyed hashes.
CREATE TABLE IF NOT EXISTS audit
(
    `writer` String COMMENT 'the chain: one for each process that writes',
    `seq` UInt64 COMMENT 'place in the chain, from 1',
    `at` DateTime64(6, 'UTC') COMMENT 'when it happened',
    `principal_id` String COMMENT 'who: a principal, or os:NAME for a user of the command line',
    `action` LowCardinality(String) COMMENT 'query, export, report, drill_down, my_data, correct, forget, …',
    `what` String COMMENT 'name of the query or report with its parameters, persons as keyed hashes',
    `purpose` String COMMENT 'what for, as the person said, or ''''',
    `org_id` String COMMENT 'organisation asked about, or ''''',
    `member_keys` Array(String) COMMENT 'keyed hashes of the members looked at',
    `rows` UInt64 COMMENT 'rows that were handed out',
    `outcome` LowCardinality(String) COMMENT 'ok, or why not',
    `key_check` LowCardinality(String) COMMENT 'tells with which secret it was sealed',
    `previous` String COMMENT 'seal of the entry before it in the chain, '''' for the first',
    `links` Array(String) COMMENT 'of the first entry, and one a day: seals of the ends of the chains that were there',
    `seal` String COMMENT 'HMAC-SHA-256 of all other columns'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (`writer`, `seq`, `seal`);

-- Erasures of persons and their proof; the list by which what arrives of them later is dropped. No plain id.
CREATE TABLE IF NOT EXISTS erasures
(
    `member_key` String COMMENT 'keyed hash of the member',
    `key_check` String COMMENT 'tells with which secret the hash was made',
    `state` LowCardinality(String) COMMENT 'the last step that is done: blocked, …, done',
    `reason` String COMMENT 'why, without names',
    `principal_id` String COMMENT 'who erased',
    `asked_at` DateTime64(6, 'UTC') COMMENT 'when it was asked for',
    `changed_at` DateTime64(6, 'UTC') COMMENT 'when this row was written',
    `plan` String COMMENT 'branch days to compute again, and how many lines were removed, as JSON',
    `proof` String COMMENT 'rows found in each table afterwards, as JSON; '''' until then',
    `proof_hash` String COMMENT 'SHA-256 of the proof',
    `version` UInt64 COMMENT 'grows with each step'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`member_key`);

-- Requests of members to have something corrected, what was decided, and what came of it.
CREATE TABLE IF NOT EXISTS corrections
(
    `correction_id` String COMMENT 'number of the request',
    `member_id` String COMMENT 'opaque member id',
    `state` LowCardinality(String) COMMENT 'requested, accepted, refused, done',
    `request` String COMMENT 'what is wrong and what would be right, as asked',
    `event_ids` Array(String) COMMENT 'events that it is about',
    `asked_by` String COMMENT 'who recorded the request',
    `asked_at` DateTime64(6, 'UTC') COMMENT 'when',
    `decided_by` String COMMENT 'who decided, or ''''',
    `decided_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'when',
    `reason` String COMMENT 'reason of the decision',
    `effects` Array(String) COMMENT 'events that were sent for it',
    `reports` Array(String) COMMENT 'reports issued again: report_id/version',
    `version` UInt64 COMMENT 'grows with each change'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`correction_id`);
