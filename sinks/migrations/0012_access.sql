-- Who may ask: a scope and a token, of which only a hash is kept. A change is a further version.
CREATE TABLE IF NOT EXISTS principals
(
    `principal_id` String COMMENT 'opaque; part of the token',
    `kind` LowCardinality(String) COMMENT 'person, role or service',
    `role` LowCardinality(String) COMMENT 'a role of schemas/access/roles.toml',
    `node` String COMMENT 'organisation that is seen with what is below it; '''' the whole tree, or own records',
    `detail` LowCardinality(String) COMMENT 'own, named or aggregate',
    `member_id` String COMMENT 'whose own records are seen, or ''''',
    `label` String COMMENT 'what an operator calls it, without names of persons',
    `token_hash` String COMMENT 'SHA-256 of the token',
    `created_at` DateTime64(6, 'UTC') COMMENT 'when it was made',
    `created_by` String COMMENT 'who made it',
    `expires_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'from when on it is refused; NULL never',
    `revoked_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'when it was taken back, NULL if it was not',
    `version` UInt64 COMMENT 'grows with each change'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`principal_id`);
