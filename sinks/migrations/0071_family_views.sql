-- Each reflection that a member submitted, on the local day of its first submission, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_reflection AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`reflection_id` AS `reflection_id`,
    a.`events` AS `events`,
    a.`submitted` AS `submitted`,
    a.`replied` AS `replied`,
    a.`at` AS `at`,
    a.`reply_ms` AS `reply_ms`,
    a.`course_id` AS `course_id`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM reflection FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- What each member contributed to a discussion, by local day, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_discussion AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`thread_id` AS `thread_id`,
    a.`events` AS `events`,
    a.`posted` AS `posted`,
    a.`replied` AS `replied`,
    a.`at` AS `at`,
    a.`course_id` AS `course_id`,
    a.`question_id` AS `question_id`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM discussion FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- Each request of a member, on the local day on which it was opened, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_service AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`request_id` AS `request_id`,
    a.`events` AS `events`,
    a.`opened` AS `opened`,
    a.`answered` AS `answered`,
    a.`closed` AS `closed`,
    a.`at` AS `at`,
    a.`answer_ms` AS `answer_ms`,
    a.`close_ms` AS `close_ms`,
    a.`course_id` AS `course_id`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM service FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- The status of each member's dues, on the local day on which it was first set, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_dues AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`due_id` AS `due_id`,
    a.`events` AS `events`,
    a.`status` AS `status`,
    a.`owed` AS `owed`,
    a.`paid` AS `paid`,
    a.`at` AS `at`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM dues FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- Stages of an appraisal that were completed for a member, by local day, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_appraisal AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`appraisal_id` AS `appraisal_id`,
    a.`events` AS `events`,
    a.`stages` AS `stages`,
    a.`completed` AS `completed`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM appraisal FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;

-- What each member did for an improvement of an organisation on a local day, with the organisation and category of the day.
CREATE OR REPLACE VIEW v_improvement AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    a.`improvement_id` AS `improvement_id`,
    a.`events` AS `events`,
    a.`target_org` AS `target_org`,
    a.`from_org` AS `from_org`,
    a.`problem` AS `problem`,
    a.`about` AS `about`,
    a.`course_id` AS `course_id`,
    a.`period_first` AS `period_first`,
    a.`period_last` AS `period_last`,
    a.`steps` AS `steps`,
    a.`moments` AS `moments`,
    a.`dues` AS `dues`,
    a.`actions` AS `actions`,
    a.`event_ids` AS `event_ids`
FROM (
    SELECT * FROM improvement FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND events > 0
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;
