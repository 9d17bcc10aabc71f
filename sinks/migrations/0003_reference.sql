-- One row per import of reference data; the largest roster import is the roster version.
CREATE TABLE IF NOT EXISTS imports
(
    `import_id` UInt64 COMMENT 'grows by one',
    `kind` LowCardinality(String) COMMENT 'roster or catalogue',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded',
    `rows` UInt64 COMMENT 'rows that it brought',
    `published` UInt8 COMMENT '1: moved members were sent to their branches'
)
ENGINE = ReplacingMergeTree(published)
ORDER BY (`import_id`);

-- The organisation tree, one row a period
CREATE TABLE IF NOT EXISTS ref_organisations
(
    `org_id` String COMMENT 'Unique id of the organisation, 1–64 characters',
    `parent_id` String COMMENT 'Id of the organisation above; empty = the top',
    `name` String COMMENT 'Name shown in reports; empty = the id is shown',
    `kind` LowCardinality(String) COMMENT 'Empty = branch',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`org_id`, `import_id`, `ordinal`);

-- Members and their organisations; one row a period for those who transferred
CREATE TABLE IF NOT EXISTS ref_members
(
    `member_id` String COMMENT 'Student, staff or other number, 1–64 characters; the same as in study and answer records',
    `name` String COMMENT 'Kept in the roster only; empty = the id is shown',
    `org_id` String COMMENT 'Id of the organisation the member belongs to',
    `category` LowCardinality(String) COMMENT 'Reports are split by it; empty = other',
    `role` LowCardinality(String) COMMENT 'Empty = member',
    `status` LowCardinality(String) COMMENT 'Empty = full; exempt members leave the denominator, the reason is not kept',
    `valid_from` Nullable(Date32) COMMENT 'First day, included; empty = since ever',
    `valid_to` Nullable(Date32) COMMENT 'First day no longer included; empty = until further notice',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`member_id`, `import_id`, `ordinal`);

-- The courses
CREATE TABLE IF NOT EXISTS ref_courses
(
    `course_id` String COMMENT 'Unique id of the course',
    `title` String COMMENT 'Name of the course in reports',
    `audience` Array(String) COMMENT 'Who it is for: member categories or organisation ids (with what is below), joined by '';''; empty = all',
    `assigned_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was assigned; a day alone means its first instant',
    `due_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it is due; a day alone means its last instant',
    `credit_minutes` Nullable(Int64) COMMENT 'Minutes of credit for the finished course',
    `title_en` String COMMENT 'Used by English reports; empty = the title',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`course_id`, `import_id`, `ordinal`);

-- Units of the courses
CREATE TABLE IF NOT EXISTS ref_units
(
    `unit_id` String COMMENT 'Id of the unit, unique within its course',
    `course_id` String COMMENT 'The course it belongs to',
    `title` String COMMENT 'Name of the unit',
    `length_ms` Nullable(Int64) COMMENT 'Length of the media, milliseconds',
    `quiz_exam_id` String COMMENT 'Exam required to complete the unit; empty = none',
    `title_en` String COMMENT 'Used by English reports; empty = the title',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`unit_id`, `import_id`, `ordinal`);

-- Exams and quizzes
CREATE TABLE IF NOT EXISTS ref_exams
(
    `exam_id` String COMMENT 'Unique id of the exam',
    `course_id` String COMMENT 'The course it belongs to',
    `title` String COMMENT 'Name of the exam',
    `audience` Array(String) COMMENT 'Who it is for: member categories or organisation ids (with what is below), joined by '';''; empty = all',
    `assigned_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was assigned; a day alone means its first instant',
    `due_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it is due; a day alone means its last instant',
    `max_score` Nullable(Float64) COMMENT 'Empty = the sum over its questions',
    `title_en` String COMMENT 'Used by English reports; empty = the title',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`exam_id`, `import_id`, `ordinal`);

-- The questions
CREATE TABLE IF NOT EXISTS ref_questions
(
    `question_id` String COMMENT 'Id of the question, unique over all courses',
    `course_id` String COMMENT 'The course it belongs to',
    `unit_id` String COMMENT 'The unit it belongs to; empty = none',
    `exam_ids` Array(String) COMMENT 'Exams that contain it, joined by '';''; empty = practice only',
    `kind` LowCardinality(String) COMMENT 'Empty = single choice',
    `text` String COMMENT 'What the question says',
    `option_a` String COMMENT 'Text of option A',
    `option_b` String COMMENT 'Text of option B',
    `option_c` String COMMENT 'Text of option C',
    `option_d` String COMMENT 'Text of option D',
    `option_e` String COMMENT 'Text of option E',
    `option_f` String COMMENT 'Text of option F',
    `answer_key` String COMMENT 'Option letters, e.g. A;C; a model answer for free text',
    `explanation` String COMMENT 'Shown in the wrong-question book',
    `max_score` Nullable(Float64) COMMENT 'Empty = 1',
    `knowledge_points` Array(String) COMMENT 'Knowledge points it tests, joined by '';''',
    `version` Nullable(Int64) COMMENT 'Version of the wording; empty = 1',
    `text_en` String COMMENT 'Used by English reports; empty = the text',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`question_id`, `import_id`, `ordinal`);

-- What the questions test
CREATE TABLE IF NOT EXISTS ref_knowledge_points
(
    `knowledge_point_id` String COMMENT 'Unique id of the knowledge point',
    `course_id` String COMMENT 'Its course; empty = shared',
    `title` String COMMENT 'Name of the knowledge point',
    `title_en` String COMMENT 'Used by English reports; empty = the title',
    `import_id` UInt64 COMMENT 'the import that brought the row',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'when it was recorded'
)
ENGINE = ReplacingMergeTree
ORDER BY (`knowledge_point_id`, `import_id`, `ordinal`);
