-- The competence map: what courses and knowledge points show each competence, one row a period
CREATE TABLE IF NOT EXISTS ref_competences
(
    `competence_id` String COMMENT 'Unique id of the competence; ideology and science are the two wings that are there already',
    `wing` String COMMENT 'The wing it belongs to; empty = the row is a wing itself',
    `title` String COMMENT 'Name of the competence in reports',
    `course_ids` Array(String) COMMENT 'Courses that show it, joined by '';''',
    `knowledge_points` Array(String) COMMENT 'Knowledge points that show it, joined by '';''',
    `expected` Nullable(Float64) COMMENT 'Share expected to be right, 0–1; empty = no reference, and no gap is shown',
    `title_en` String COMMENT 'Used by English reports; empty = the title',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`competence_id`, `import_id`, `ordinal`);

-- Where organisations are, for the map; may be left out
CREATE TABLE IF NOT EXISTS ref_places
(
    `org_id` String COMMENT 'The same id as in the roster; never a person''s',
    `latitude` Nullable(Float64) COMMENT 'Decimal degrees, north is positive',
    `longitude` Nullable(Float64) COMMENT 'Decimal degrees, east is positive',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`org_id`, `import_id`, `ordinal`);
