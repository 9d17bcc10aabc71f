-- Definitions and time zone that metrics were computed with, and which of them readers use.
CREATE TABLE IF NOT EXISTS generations
(
    `generation` UInt16 COMMENT 'number, from 1',
    `timezone` String COMMENT 'IANA zone of local days',
    `rules` String COMMENT 'thresholds as JSON',
    `state` LowCardinality(String) COMMENT 'filling, active, retired',
    `changed_at` DateTime64(6, 'UTC') COMMENT 'when this row was written',
    `version` UInt64 COMMENT 'grows with each change of state'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`generation`);

-- Figures of one member on one local day, per course and (course_id = '') over all courses.
CREATE TABLE IF NOT EXISTS member_day
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `day` Date COMMENT 'local day',
    `course_id` LowCardinality(String) COMMENT 'course, '''' over all',
    `study_ms` Int64 COMMENT 'length of the union of study intervals',
    `overlap_ms` Int64 COMMENT 'sum of the intervals minus their union',
    `active_ms` Int64 COMMENT 'time in focus, of the intervals that report it',
    `open_ms` Int64 COMMENT 'length of the intervals that report time in focus',
    `sessions` UInt32 COMMENT 'study sessions that start on the day',
    `answers` UInt32 COMMENT 'answers that count',
    `graded` UInt32 COMMENT 'of these, graded',
    `correct` UInt32 COMMENT 'of these, right',
    `score_micro` Int64 COMMENT 'points in millionths',
    `max_micro` Int64 COMMENT 'possible points in millionths',
    `response_ms` Int64 COMMENT 'time spent on answers that report it',
    `timed_answers` UInt32 COMMENT 'answers with a response time above 0',
    `wrong_questions` UInt32 COMMENT 'distinct questions answered wrong',
    `events` UInt32 COMMENT 'events that count on the day',
    `capped` UInt32 COMMENT 'intervals cut to their last 4 hours',
    `hour_ms` Array(UInt32) COMMENT '24 values: study time by local hour of the day',
    `first_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'start of the first study or answer',
    `last_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'end of the last study or answer',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `day`, `course_id`)
SETTINGS index_granularity = 1024;

-- What each answer, and each error without an answer, counts for after matching and withdrawals.
CREATE TABLE IF NOT EXISTS answers
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `member_id` String COMMENT 'opaque member id',
    `course_id` LowCardinality(String) COMMENT 'course',
    `question_id` String COMMENT 'question',
    `day` Date COMMENT 'local day',
    `event_id` UUID COMMENT 'the answer or error event',
    `at` DateTime64(3, 'UTC') COMMENT 'when it was submitted',
    `exam_id` LowCardinality(String) COMMENT 'exam, or '''' for practice',
    `attempt` UInt32 COMMENT 'attempt, from 1',
    `counted` Bool COMMENT 'false: withdrawn, superseded in its attempt, or an error that has its answer',
    `correct` Nullable(Bool) COMMENT 'right, wrong, or not graded; wrong when an error says so',
    `score_micro` Int64 COMMENT 'points in millionths',
    `max_micro` Int64 COMMENT 'possible points in millionths, 0 when not graded',
    `response_ms` Nullable(Int64) COMMENT 'time on the question, NULL if not above 0',
    `response` Array(String) COMMENT 'chosen options',
    `knowledge_points` Array(LowCardinality(String)) COMMENT 'named by the event, else empty',
    `from_error` Bool COMMENT 'true: an error event that found no answer',
    `version` UInt64 COMMENT 'number of distinct bodies behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `member_id`, `course_id`, `question_id`, `day`, `event_id`)
SETTINGS index_granularity = 1024;

-- Live figures of one branch on one local day, per course and (course_id = '') over all courses.
CREATE TABLE IF NOT EXISTS branch_day
(
    `generation` UInt16 COMMENT 'which definitions and time zone',
    `org_id` String COMMENT 'branch: an organisation with members of its own',
    `day` Date COMMENT 'local day',
    `course_id` LowCardinality(String) COMMENT 'course, '''' over all',
    `members` UInt32 COMMENT 'members who belong to it on the day',
    `active_members` UInt32 COMMENT 'of these, with an event that counts',
    `study_ms` Int64 COMMENT 'length of the union of study intervals',
    `overlap_ms` Int64 COMMENT 'sum of the intervals minus their union',
    `active_ms` Int64 COMMENT 'time in focus, of the intervals that report it',
    `open_ms` Int64 COMMENT 'length of the intervals that report time in focus',
    `sessions` UInt32 COMMENT 'study sessions that start on the day',
    `answers` UInt32 COMMENT 'answers that count',
    `graded` UInt32 COMMENT 'of these, graded',
    `correct` UInt32 COMMENT 'of these, right',
    `score_micro` Int64 COMMENT 'points in millionths',
    `max_micro` Int64 COMMENT 'possible points in millionths',
    `response_ms` Int64 COMMENT 'time spent on answers that report it',
    `timed_answers` UInt32 COMMENT 'answers with a response time above 0',
    `wrong_questions` UInt32 COMMENT 'distinct questions answered wrong',
    `events` UInt32 COMMENT 'events that count on the day',
    `version` UInt64 COMMENT 'roster version and member-day versions behind the row'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (`generation`, `org_id`, `day`, `course_id`);
