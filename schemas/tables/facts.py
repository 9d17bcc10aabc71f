"""What the stream writes: the archive, the figures of days and answers, and the books it keeps."""

from __future__ import annotations

from schemas.table import Column, Table

_TS = "DateTime64(3, 'UTC')"
_POSITION = (
    Column("cluster", "LowCardinality(String)", "one life of a Kafka cluster"),
    Column("topic", "LowCardinality(String)", "Kafka topic"),
    Column("partition", "UInt32", "Kafka partition"),
    Column("offset", "UInt64", "Kafka offset", "Delta, ZSTD(1)"),
    Column("line", "UInt32", "line in the message, from 0"),
)
POSITION_KEY = ("cluster", "topic", "partition", "offset", "line")

EVENTS = Table(
    "events",
    "The archive: every distinct body of every valid event, as received. The state of all metrics.",
    (
        Column("member_id", "String", "opaque member id"),
        Column("at", _TS, "occurred_at, corrected by skew_ms", "Delta, ZSTD(1)"),
        Column("event_id", "UUID", "id made by the producer"),
        Column("body_hash", "FixedString(16)", "first half of the SHA-256 of the canonical form"),
        Column("skew_ms", "Int64", "clock error estimated by the collector, already added to the times"),
        Column("event_type", "LowCardinality(String)", "study, answer, error, withdraw, or a further family"),
        Column("course_id", "LowCardinality(String)", "opaque course id"),
        Column("received_at", _TS, "first receipt by Kafka", "Delta, ZSTD(1)"),
        Column("archived_at", "DateTime64(6, 'UTC')", "when this row was written", "Delta, ZSTD(1)"),
        Column("source", "LowCardinality(String)", "app and version, or ''"),
        Column("device_id", "String", "opaque device id, or ''"),
        Column("duration_ms", "Nullable(Int64)", "length of the interval; time on the question"),
        Column("beat_ms", "Nullable(Int64)", "heartbeat period"),
        Column("active_ms", "Nullable(Int64)", "part of the interval in focus"),
        Column("unit_id", "LowCardinality(String)", "unit, or ''"),
        Column("session_id", "String", "client session, or ''"),
        Column("question_id", "String", "question, or ''"),
        Column("exam_id", "LowCardinality(String)", "exam, or '' for practice"),
        Column("attempt", "UInt32", "attempt, from 1; 0 where there is none"),
        Column("response", "Array(String)", "chosen options"),
        Column("correct", "Nullable(Bool)", "right, wrong, or not graded"),
        Column("score_micro", "Nullable(Int64)", "score in millionths"),
        Column("max_micro", "Nullable(Int64)", "possible score in millionths"),
        Column("knowledge_points", "Array(LowCardinality(String))", "knowledge points named by the event"),
        Column("answer_id", "Nullable(UUID)", "the answer that an error belongs to"),
        Column("expected", "String", "right answer named by an error, or ''"),
        Column("kind", "LowCardinality(String)", "kind of error, or ''"),
        Column("target_id", "Nullable(UUID)", "event taken back: target_event_id or replaces"),
        Column("reason", "String", "why it was withdrawn, or ''"),
        Column("subject_id", "String", "what an event of a further family is about, such as a session; or ''"),
        Column("detail", "String", "fields of a further family as JSON, or ''", "ZSTD(1)"),
        *_POSITION,
        Column("raw", "Bytes", "the line as received", "ZSTD(3)"),
        Column("keep", "UInt64", "larger for earlier archived_at: the earliest row of a body stays"),
    ),
    ("member_id", "at", "event_id", "body_hash", "skew_ms"),
    "keep",
    "toYYYYMM(at)",
    ("index_granularity = 2048",),
    personal=True,
)

_FIGURES = (
    Column("study_ms", "Int64", "length of the union of study intervals"),
    Column("overlap_ms", "Int64", "sum of the intervals minus their union"),
    Column("active_ms", "Int64", "time in focus, of the intervals that report it"),
    Column("open_ms", "Int64", "length of the intervals that report time in focus"),
    Column("sessions", "UInt32", "study sessions that start on the day"),
    Column("answers", "UInt32", "answers that count"),
    Column("graded", "UInt32", "of these, graded"),
    Column("correct", "UInt32", "of these, right"),
    Column("score_micro", "Int64", "points in millionths"),
    Column("max_micro", "Int64", "possible points in millionths"),
    Column("response_ms", "Int64", "time spent on answers that report it"),
    Column("timed_answers", "UInt32", "answers with a response time above 0"),
    Column("wrong_questions", "UInt32", "distinct questions answered wrong"),
    Column("events", "UInt32", "events that count on the day"),
)
FIGURES = tuple(c.name for c in _FIGURES)

MEMBER_DAY = Table(
    "member_day",
    "Figures of one member on one local day, per course and (course_id = '') over all courses.",
    (
        Column("generation", "UInt16", "which definitions and time zone"),
        Column("member_id", "String", "opaque member id"),
        Column("day", "Date", "local day"),
        Column("course_id", "LowCardinality(String)", "course, '' over all"),
        *_FIGURES,
        Column("capped", "UInt32", "intervals cut to their last 4 hours"),
        Column("hour_ms", "Array(UInt32)", "24 values: study time by local hour of the day"),
        Column("first_at", f"Nullable({_TS})", "start of the first study or answer"),
        Column("last_at", f"Nullable({_TS})", "end of the last study or answer"),
        Column("version", "UInt64", "number of distinct bodies behind the row"),
    ),
    ("generation", "member_id", "day", "course_id"),
    "version",
    "toYYYYMM(day)",
    ("index_granularity = 1024",),
    personal=True,
)

ANSWERS = Table(
    "answers",
    "What each answer, and each error without an answer, counts for after matching and withdrawals.",
    (
        Column("generation", "UInt16", "which definitions and time zone"),
        Column("member_id", "String", "opaque member id"),
        Column("course_id", "LowCardinality(String)", "course"),
        Column("question_id", "String", "question"),
        Column("day", "Date", "local day"),
        Column("event_id", "UUID", "the answer or error event"),
        Column("at", _TS, "when it was submitted"),
        Column("exam_id", "LowCardinality(String)", "exam, or '' for practice"),
        Column("attempt", "UInt32", "attempt, from 1"),
        Column("counted", "Bool", "false: withdrawn, superseded in its attempt, or an error that has its answer"),
        Column("correct", "Nullable(Bool)", "right, wrong, or not graded; wrong when an error says so"),
        Column("score_micro", "Int64", "points in millionths"),
        Column("max_micro", "Int64", "possible points in millionths, 0 when not graded"),
        Column("response_ms", "Nullable(Int64)", "time on the question, NULL if not above 0"),
        Column("response", "Array(String)", "chosen options"),
        Column("knowledge_points", "Array(LowCardinality(String))", "named by the event, else empty"),
        Column("from_error", "Bool", "true: an error event that found no answer"),
        Column("version", "UInt64", "number of distinct bodies behind the row"),
    ),
    ("generation", "member_id", "course_id", "question_id", "day", "event_id"),
    "version",
    "toYYYYMM(day)",
    ("index_granularity = 1024",),
    personal=True,
)

BRANCH_DAY = Table(
    "branch_day",
    "Live figures of one branch on one local day, per course and (course_id = '') over all courses.",
    (
        Column("generation", "UInt16", "which definitions and time zone"),
        Column("org_id", "String", "branch: an organisation with members of its own"),
        Column("day", "Date", "local day"),
        Column("course_id", "LowCardinality(String)", "course, '' over all"),
        Column("members", "UInt32", "members who belong to it on the day"),
        Column("active_members", "UInt32", "of these, with an event that counts"),
        *_FIGURES,
        Column("version", "UInt64", "roster version and member-day versions behind the row"),
    ),
    ("generation", "org_id", "day", "course_id"),
    "version",
    "toYYYYMM(day)",
)

REJECTED = Table(
    "rejected_events",
    "Lines that were received but do not count, whole, with the reason.",
    (
        *_POSITION,
        Column("reason", "LowCardinality(String)", "a key of schemas.decode.REASONS"),
        Column("detail", "String", "field, value and rule"),
        Column("raw", "Bytes", "the line as received", "ZSTD(3)"),
        Column("member_id", "String", "where it could be read, or ''"),
        Column("event_id", "String", "where it could be read, or ''"),
        Column("received_at", _TS, "first receipt"),
        Column("skew_ms", "Int64", "clock error estimated by the collector, sent again on a retry"),
        Column("status", "LowCardinality(String)", "open, retried, discarded"),
        Column("version", "UInt64", "0, larger after a decision"),
    ),
    POSITION_KEY,
    "version",
    personal=True,
)

DUPLICATES = Table(
    "duplicates",
    "Valid lines whose event was already in the archive under another position.",
    (
        Column("member_id", "String", "opaque member id"),
        Column("event_id", "UUID", "id made by the producer"),
        Column("body_hash", "FixedString(16)", "which body"),
        *_POSITION,
        Column("received_at", _TS, "receipt of this line"),
    ),
    ("member_id", "event_id", *POSITION_KEY),
    "",
    personal=True,
)

LEDGER = Table(
    "ledger",
    "One row per Kafka message: how many lines it had and what became of them. Redelivery counts once.",
    (
        *_POSITION[:4],
        Column("lines", "UInt32", "non-empty lines"),
        Column("valid", "UInt32", "decoded and admitted"),
        Column("rejected", "UInt32", "rejected on decoding or admission"),
        Column("forwarded", "UInt32", "sent on to the partition of their member"),
        Column("late", "UInt32", "valid, received more than a day after they occurred"),
        Column("received_at", _TS, "receipt by Kafka"),
    ),
    POSITION_KEY[:4],
    "",
)

PROBES = Table(
    "probes",
    "Messages that travel the whole pipeline to measure it; nobody's events. Kept for a day.",
    (
        Column("probe", "String", "name made by the sender"),
        Column("partition", "UInt32", "Kafka partition"),
        Column("seen_us", "Int64", "µs since the epoch at which its batch's metrics were written"),
    ),
    ("probe", "partition"),
)
