-- Which organisation is below which, dated; every organisation is below itself. Written whole by each roster
-- import that changes organisations.
CREATE TABLE IF NOT EXISTS org_closure
(
    `import_id` UInt64 COMMENT 'the import whose tree it is',
    `ancestor_id` String COMMENT 'the organisation above',
    `org_id` String COMMENT 'the organisation, or one below it',
    `ordinal` UInt32 COMMENT 'row in that import, from 0',
    `valid_from` Nullable(Date32) COMMENT 'first day, included; NULL since ever',
    `valid_to` Nullable(Date32) COMMENT 'first day no longer included; NULL until further notice'
)
ENGINE = ReplacingMergeTree
ORDER BY (`import_id`, `ancestor_id`, `org_id`, `ordinal`);

-- Who belongs where, dated, sorted by organisation: derived from ref_members by each roster import that changes
-- members, whole; the import before it is kept for queries that are running.
CREATE TABLE IF NOT EXISTS memberships
(
    `import_id` UInt64 COMMENT 'the import whose memberships they are',
    `org_id` String COMMENT 'organisation',
    `member_id` String COMMENT 'opaque member id',
    `since` Date32 COMMENT 'first day, included; 1900-01-01 since ever',
    `until` Date32 COMMENT 'first day no longer included; 2299-12-31 until further notice',
    `category` LowCardinality(String) COMMENT 'category of the member',
    `role` LowCardinality(String) COMMENT 'role of the member',
    `status` LowCardinality(String) COMMENT 'status of the member'
)
ENGINE = ReplacingMergeTree
PARTITION BY import_id
ORDER BY (`import_id`, `org_id`, `member_id`, `since`)
SETTINGS index_granularity = 1024;

-- Imports that are complete: a pending one has written some of its rows.
CREATE OR REPLACE VIEW v_imports AS
SELECT import_id, kind, recorded_at, rows, published
FROM imports FINAL
WHERE kind IN ('roster', 'catalogue');

-- The organisation tree, one row a period, as of the latest import of each organisation.
CREATE OR REPLACE VIEW v_organisations AS
SELECT org_id, parent_id, name, kind, valid_from, valid_to
FROM ref_organisations FINAL
WHERE (org_id, import_id) IN (
    SELECT org_id, max(import_id) FROM ref_organisations
    WHERE import_id IN (SELECT import_id FROM v_imports) GROUP BY org_id);

-- Dated memberships: one row a period. valid_from is included, valid_to is not; NULL is open.
CREATE OR REPLACE VIEW v_members AS
SELECT member_id, name, org_id, category, role, status, valid_from, valid_to
FROM ref_members FINAL
WHERE (member_id, import_id) IN (
    SELECT member_id, max(import_id) FROM ref_members
    WHERE import_id IN (SELECT import_id FROM v_imports) GROUP BY member_id);

-- Dated memberships without names, quick to read by organisation: since is included, until is not; open ends are
-- 1900-01-01 and 2299-12-31.
CREATE OR REPLACE VIEW v_memberships AS
SELECT org_id, member_id, since, until, category, role, status
FROM memberships FINAL
WHERE import_id = (
    SELECT max(import_id) FROM memberships WHERE import_id IN (SELECT import_id FROM v_imports));

-- The dated tree as pairs: org_id is ancestor_id or below it from valid_from (included) to valid_to (not).
CREATE OR REPLACE VIEW v_org_closure AS
SELECT ancestor_id, org_id, valid_from, valid_to
FROM org_closure FINAL
WHERE import_id = (
    SELECT max(import_id) FROM org_closure WHERE import_id IN (SELECT import_id FROM v_imports));

-- The courses of the catalogue.
CREATE OR REPLACE VIEW v_courses AS
SELECT course_id, title, title_en, audience, assigned_at, due_at, credit_minutes
FROM ref_courses FINAL
WHERE (course_id, import_id) IN (
    SELECT course_id, max(import_id) FROM ref_courses
    WHERE import_id IN (SELECT import_id FROM v_imports) GROUP BY course_id);

-- The exams of the catalogue.
CREATE OR REPLACE VIEW v_exams AS
SELECT exam_id, course_id, title, title_en, audience, assigned_at, due_at, max_score
FROM ref_exams FINAL
WHERE (exam_id, import_id) IN (
    SELECT exam_id, max(import_id) FROM ref_exams
    WHERE import_id IN (SELECT import_id FROM v_imports) GROUP BY exam_id);

-- The questions of the catalogue.
CREATE OR REPLACE VIEW v_questions AS
SELECT question_id, course_id, unit_id, exam_ids, kind, text, text_en, option_a, option_b, option_c, option_d, option_e,
       option_f, answer_key, explanation, ifNull(max_score, 1) AS max_score, knowledge_points,
       ifNull(version, 1) AS version
FROM ref_questions FINAL
WHERE (question_id, import_id) IN (
    SELECT question_id, max(import_id) FROM ref_questions
    WHERE import_id IN (SELECT import_id FROM v_imports) GROUP BY question_id);

-- Which questions an exam is made of.
CREATE OR REPLACE VIEW v_exam_items AS
SELECT exam_id, question_id, course_id, kind, text, max_score
FROM v_questions
ARRAY JOIN exam_ids AS exam_id;

-- The generation of metrics that readers use.
CREATE OR REPLACE VIEW v_generation AS
SELECT generation, timezone, rules, changed_at
FROM generations FINAL
WHERE state = 'active'
ORDER BY generation DESC
LIMIT 1;

-- Figures of one member on one local day, per course and (course_id = '') over all courses, with the organisation
-- and category of that day ('' where the roster has none). Lengths in seconds, scores in points.
CREATE OR REPLACE VIEW v_member_day AS
SELECT
    d.member_id AS member_id, m.org_id AS org_id, m.category AS category, d.course_id AS course_id, d.day AS day,
    d.study_ms / 1000 AS study_seconds, d.sessions AS sessions, d.answers AS answers, d.graded AS graded,
    d.correct AS correct, d.score_micro / 1000000 AS score, d.max_micro / 1000000 AS max_score,
    d.response_ms AS response_ms, d.timed_answers AS timed_answers, d.wrong_questions AS wrong_questions,
    d.overlap_ms / 1000 AS overlap_seconds, d.active_ms / 1000 AS active_seconds, d.open_ms / 1000 AS open_seconds,
    d.events AS events, d.capped AS capped, d.first_at AS first_at, d.last_at AS last_at, d.hour_ms AS hour_ms,
    d.version AS version
FROM (
    SELECT * FROM member_day FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND (events > 0 OR study_ms > 0)
) AS d
LEFT JOIN v_memberships AS m ON m.member_id = d.member_id AND m.since <= d.day AND d.day < m.until;

-- Answers that count, with the organisation and category of their day.
CREATE OR REPLACE VIEW v_answers AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.course_id AS course_id,
    a.question_id AS question_id, a.exam_id AS exam_id, a.attempt AS attempt, a.day AS day, a.at AS at,
    a.correct AS correct, a.score_micro / 1000000 AS score, a.max_micro / 1000000 AS max_score,
    a.response_ms AS response_ms, a.response AS response, a.knowledge_points AS knowledge_points,
    a.from_error AS from_error, a.event_id AS event_id
FROM (
    SELECT * FROM answers FINAL WHERE generation = (SELECT generation FROM v_generation) AND counted
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- How many members an organisation has of its own: valid from the day on, until the next row.
CREATE OR REPLACE VIEW v_headcount AS
SELECT org_id, day, sum(change) OVER (PARTITION BY org_id ORDER BY day) AS members
FROM (
    SELECT org_id, day, sum(step) AS change
    FROM v_memberships
    ARRAY JOIN [since, until] AS day, [1, -1] AS step
    GROUP BY org_id, day
);

-- Figures of one organisation's own members on one local day, per course and (course_id = '') over all courses.
CREATE OR REPLACE VIEW v_branch_day AS
SELECT
    d.org_id AS org_id, d.course_id AS course_id, d.day AS day, toUInt32(h.members) AS members,
    d.active_members AS active_members, d.study_seconds AS study_seconds, d.sessions AS sessions,
    d.answers AS answers, d.graded AS graded, d.correct AS correct, d.score AS score, d.max_score AS max_score,
    d.response_ms AS response_ms, d.timed_answers AS timed_answers, d.wrong_questions AS wrong_questions,
    d.events AS events
FROM (
    SELECT org_id, course_id, day, count() AS active_members, sum(round(study_seconds * 1000)) / 1000 AS study_seconds,
           sum(sessions) AS sessions, sum(answers) AS answers, sum(graded) AS graded, sum(correct) AS correct,
           sum(round(score * 1000000)) / 1000000 AS score, sum(round(max_score * 1000000)) / 1000000 AS max_score,
           sum(response_ms) AS response_ms, sum(timed_answers) AS timed_answers,
           sum(wrong_questions) AS wrong_questions, sum(events) AS events
    FROM v_member_day
    WHERE org_id != ''
    GROUP BY org_id, course_id, day
) AS d
ASOF LEFT JOIN v_headcount AS h ON h.org_id = d.org_id AND d.day >= h.day;
