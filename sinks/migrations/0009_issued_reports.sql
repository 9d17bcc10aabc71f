-- The register of issued reports: what was said about whom, as of when, from which data, and which files.
CREATE TABLE IF NOT EXISTS issued_reports
(
    `report_id` String COMMENT 'digest of kind, subject, content and period: the same for all versions',
    `version` UInt32 COMMENT 'from 1, grows by one with each issue',
    `kind` LowCardinality(String) COMMENT 'member, group, all',
    `subject` String COMMENT 'member or organisation, '''' for all',
    `content` LowCardinality(String) COMMENT 'all, course, exam',
    `content_id` String COMMENT 'course or exam, or ''''',
    `first` Date32 COMMENT 'first local day',
    `last` Date32 COMMENT 'last local day, included',
    `cut_off` DateTime64(6, 'UTC') COMMENT 'as of when',
    `issued_at` DateTime64(6, 'UTC') COMMENT 'when this version was issued',
    `reason` LowCardinality(String) COMMENT 'first, update, correction, erasure',
    `rules` String COMMENT 'generation and version of the definitions',
    `program` String COMMENT 'version of the program that made the files',
    `data_hash` String COMMENT 'SHA-256 over all that the report was made from',
    `snapshot` String COMMENT 'what is kept of it, as JSON; '''' once it was erased',
    `files` String COMMENT 'path and SHA-256 of each file, as JSON',
    `revision` UInt64 COMMENT 'grows when an entry changes: an erasure'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (`report_id`, `version`);

-- Who is in an issued report, or held by its snapshot only.
CREATE TABLE IF NOT EXISTS issued_members
(
    `member_id` String COMMENT 'opaque member id',
    `report_id` String COMMENT 'which report',
    `version` UInt32 COMMENT 'which version of it',
    `contained` Bool COMMENT 'true: figures of the report count the member; false: only the snapshot has rows'
)
ENGINE = ReplacingMergeTree
ORDER BY (`member_id`, `report_id`, `version`);

-- What issued reports were made from: frames as Parquet, each under the SHA-256 of its bytes, in parts.
CREATE TABLE IF NOT EXISTS issued_data
(
    `hash` String COMMENT 'SHA-256 of the whole',
    `part` UInt32 COMMENT 'from 0',
    `data` String CODEC(NONE) COMMENT 'bytes of the part'
)
ENGINE = ReplacingMergeTree
ORDER BY (`hash`, `part`);
