"""Every ClickHouse table, declared once: columns, types, what they mean, how they are sorted.

Arrow schemas for inserts and the checks on migrations are derived from here. Times are UTC with
milliseconds unless a column says otherwise; days are local dates of the generation's time zone; lengths
are integer milliseconds; scores are integers in millionths, so that sums do not depend on their order.
"""

from __future__ import annotations

from schemas import reference
from schemas.families import FAMILIES
from schemas.reference.columns import ColumnKind
from schemas.table import MICRO as MICRO
from schemas.table import Column as Column
from schemas.table import Table as Table

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

IMPORTS = Table(
    "imports",
    "One row per import of reference data; the largest roster import is the roster version.",
    (
        Column("import_id", "UInt64", "grows by one"),
        Column("kind", "LowCardinality(String)", "roster or catalogue"),
        Column("recorded_at", "DateTime64(6, 'UTC')", "when it was recorded"),
        Column("rows", "UInt64", "rows that it brought"),
        Column("published", "UInt8", "1: moved members were sent to their branches"),
    ),
    ("import_id",),
    "published",
)

RETENTION = Table(
    "retention",
    "Up to which instant raw events have been dropped. Figures of days before it stay as they are.",
    (
        Column("closed_to", "Int64", "ms UTC; events before it are gone or going"),
        Column("decided_at", "DateTime64(6, 'UTC')", "when it was decided"),
    ),
    ("closed_to",),
)

GENERATIONS = Table(
    "generations",
    "Definitions and time zone that metrics were computed with, and which of them readers use.",
    (
        Column("generation", "UInt16", "number, from 1"),
        Column("timezone", "String", "IANA zone of local days"),
        Column("rules", "String", "thresholds as JSON"),
        Column("state", "LowCardinality(String)", "filling, active, retired"),
        Column("changed_at", "DateTime64(6, 'UTC')", "when this row was written"),
        Column("version", "UInt64", "grows with each change of state"),
    ),
    ("generation",),
    "version",
)

CALIBRATIONS = Table(
    "calibrations",
    "Fitted parameters, append-only: item response models by exam, knowledge tracing by knowledge point.",
    (
        Column("kind", "LowCardinality(String)", "irt: subject is an exam; bkt: subject is a knowledge point"),
        Column("subject", "String", "exam or knowledge point"),
        Column("version", "UInt32", "from 1, grows by one with each calibration of the subject"),
        Column("calibrated_at", "DateTime64(6, 'UTC')", "when it was computed"),
        Column("generation", "UInt16", "generation of the answers that it was computed from"),
        Column("model", "LowCardinality(String)", "2pl, rasch, mixed; fitted"),
        Column("n", "UInt64", "members behind it"),
        Column("answers", "UInt64", "answers behind it"),
        Column("fingerprint", "String", "SHA-256 of the answers and of the method, to tell whether anything changed"),
        Column("parameters", "String", "the calibration as JSON"),
    ),
    ("kind", "subject", "version"),
    "",
)

ITEM_THRESHOLDS = Table(
    "item_thresholds",
    "Response times below which an answer to a question is rapid; written once there are enough times, then frozen.",
    (
        Column("question_id", "String", "question"),
        Column("version", "UInt32", "from 1; the largest holds"),
        Column("ms", "Float64", "an answer below this is rapid"),
        Column("n", "UInt64", "times that it rests on"),
        Column("mean_ms", "Float64", "their mean"),
        Column("frozen_at", "DateTime64(6, 'UTC')", "when it was frozen"),
        Column("generation", "UInt16", "generation of the answers that it was computed from"),
    ),
    ("question_id", "version"),
    "",
)

ISSUED_REPORTS = Table(
    "issued_reports",
    "The register of issued reports: what was said about whom, as of when, from which data, and which files.",
    (
        Column("report_id", "String", "digest of kind, subject, content and period: the same for all versions"),
        Column("version", "UInt32", "from 1, grows by one with each issue"),
        Column("kind", "LowCardinality(String)", "member, group, all"),
        Column("subject", "String", "member or organisation, '' for all"),
        Column("content", "LowCardinality(String)", "all, course, exam"),
        Column("content_id", "String", "course or exam, or ''"),
        Column("first", "Date32", "first local day"),
        Column("last", "Date32", "last local day, included"),
        Column("cut_off", "DateTime64(6, 'UTC')", "as of when"),
        Column("issued_at", "DateTime64(6, 'UTC')", "when this version was issued"),
        Column("reason", "LowCardinality(String)", "first, update, correction, erasure"),
        Column("rules", "String", "generation and version of the definitions"),
        Column("program", "String", "version of the program that made the files"),
        Column("data_hash", "String", "SHA-256 over all that the report was made from"),
        Column("snapshot", "String", "what is kept of it, as JSON; '' once it was erased"),
        Column("files", "String", "path and SHA-256 of each file, as JSON"),
        Column("revision", "UInt64", "grows when an entry changes: an erasure"),
    ),
    ("report_id", "version"),
    "revision",
    personal=True,
)

ISSUED_MEMBERS = Table(
    "issued_members",
    "Who is in an issued report, or held by its snapshot only.",
    (
        Column("member_id", "String", "opaque member id"),
        Column("report_id", "String", "which report"),
        Column("version", "UInt32", "which version of it"),
        Column("contained", "Bool", "true: figures of the report count the member; false: only the snapshot has rows"),
    ),
    ("member_id", "report_id", "version"),
    personal=True,
)

ISSUED_DATA = Table(
    "issued_data",
    "What issued reports were made from: frames as Parquet, each under the SHA-256 of its bytes, in parts.",
    (
        Column("hash", "String", "SHA-256 of the whole"),
        Column("part", "UInt32", "from 0"),
        Column("data", "Bytes", "bytes of the part", "NONE"),
    ),
    ("hash", "part"),
    personal=True,
)

PRINCIPALS = Table(
    "principals",
    "Who may ask: a scope and a token, of which only a hash is kept. A change is a further version.",
    (
        Column("principal_id", "String", "opaque; part of the token"),
        Column("kind", "LowCardinality(String)", "person, role or service"),
        Column("role", "LowCardinality(String)", "a role of schemas/access/roles.toml"),
        Column("node", "String", "organisation that is seen with what is below it; '' the whole tree, or own records"),
        Column("detail", "LowCardinality(String)", "own, named or aggregate"),
        Column("member_id", "String", "whose own records are seen, or ''"),
        Column("label", "String", "what an operator calls it, without names of persons"),
        Column("token_hash", "String", "SHA-256 of the token"),
        Column("created_at", "DateTime64(6, 'UTC')", "when it was made"),
        Column("created_by", "String", "who made it"),
        Column("expires_at", "Nullable(DateTime64(6, 'UTC'))", "from when on it is refused; NULL never"),
        Column("revoked_at", "Nullable(DateTime64(6, 'UTC'))", "when it was taken back, NULL if it was not"),
        Column("version", "UInt64", "grows with each change"),
    ),
    ("principal_id",),
    "version",
    personal=True,
)

AUDIT = Table(
    "audit",
    "Who did or looked at what, when and what for: chains of sealed entries, only ever added to. Members stand in it "
    "as keyed hashes.",
    (
        Column("writer", "String", "the chain: one for each process that writes"),
        Column("seq", "UInt64", "place in the chain, from 1"),
        Column("at", "DateTime64(6, 'UTC')", "when it happened"),
        Column("principal_id", "String", "who: a principal, or os:NAME for a user of the command line"),
        Column("action", "LowCardinality(String)", "query, export, report, drill_down, my_data, correct, forget, …"),
        Column("what", "String", "name of the query or report with its parameters, persons as keyed hashes"),
        Column("purpose", "String", "what for, as the person said, or ''"),
        Column("org_id", "String", "organisation asked about, or ''"),
        Column("member_keys", "Array(String)", "keyed hashes of the members looked at"),
        Column("rows", "UInt64", "rows that were handed out"),
        Column("outcome", "LowCardinality(String)", "ok, or why not"),
        Column("key_check", "LowCardinality(String)", "tells with which secret it was sealed"),
        Column("previous", "String", "seal of the entry before it in the chain, '' for the first"),
        Column(
            "links",
            "Array(String)",
            "of the first entry, and one a day: seals of the ends of the chains that were there",
        ),
        Column("seal", "String", "HMAC-SHA-256 of all other columns"),
    ),
    ("writer", "seq", "seal"),
    "",
    "toYYYYMM(at)",
)

ERASURES = Table(
    "erasures",
    "Erasures of persons and their proof; the list by which what arrives of them later is dropped. No plain id.",
    (
        Column("member_key", "String", "keyed hash of the member"),
        Column("key_check", "String", "tells with which secret the hash was made"),
        Column("state", "LowCardinality(String)", "the last step that is done: blocked, …, done"),
        Column("reason", "String", "why, without names"),
        Column("principal_id", "String", "who erased"),
        Column("asked_at", "DateTime64(6, 'UTC')", "when it was asked for"),
        Column("changed_at", "DateTime64(6, 'UTC')", "when this row was written"),
        Column("plan", "String", "branch days to compute again, and how many lines were removed, as JSON"),
        Column("proof", "String", "rows found in each table afterwards, as JSON; '' until then"),
        Column("proof_hash", "String", "SHA-256 of the proof"),
        Column("version", "UInt64", "grows with each step"),
    ),
    ("member_key",),
    "version",
)

CORRECTIONS = Table(
    "corrections",
    "Requests of members to have something corrected, what was decided, and what came of it.",
    (
        Column("correction_id", "String", "number of the request"),
        Column("member_id", "String", "opaque member id"),
        Column("state", "LowCardinality(String)", "requested, accepted, refused, done"),
        Column("request", "String", "what is wrong and what would be right, as asked"),
        Column("event_ids", "Array(String)", "events that it is about"),
        Column("asked_by", "String", "who recorded the request"),
        Column("asked_at", "DateTime64(6, 'UTC')", "when"),
        Column("decided_by", "String", "who decided, or ''"),
        Column("decided_at", "Nullable(DateTime64(6, 'UTC'))", "when"),
        Column("reason", "String", "reason of the decision"),
        Column("effects", "Array(String)", "events that were sent for it"),
        Column("reports", "Array(String)", "reports issued again: report_id/version"),
        Column("version", "UInt64", "grows with each change"),
    ),
    ("correction_id",),
    "version",
    personal=True,
)

_REFERENCE_TYPES: dict[ColumnKind, str] = {
    "id": "String",
    "ids": "Array(String)",
    "text": "String",
    "choice": "LowCardinality(String)",
    "audience": "Array(String)",
    "integer": "Nullable(Int64)",
    "number": "Nullable(Float64)",
    "minutes": "Nullable(Int64)",
    "seconds": "Nullable(Int64)",
    "boolean": "Nullable(Bool)",
    "date": "Nullable(Date32)",
    "time": f"Nullable({_TS})",
    "start": f"Nullable({_TS})",
    "deadline": f"Nullable({_TS})",
}


def _reference(name: str) -> Table:
    """Store table of a reference table: its declared columns, and which import brought the row.

    Append-only: an import replaces all rows of the ids that it lists, by being the newer one.
    """
    declared = reference.TABLES[name]
    columns = [Column(c.name, _REFERENCE_TYPES[c.kind], c.description.en) for c in declared.columns]
    return Table(
        f"ref_{name}",
        declared.description.en,
        (
            *columns,
            Column("import_id", "UInt64", "the import that brought the row"),
            Column("ordinal", "UInt32", "row in that import, from 0"),
            Column("recorded_at", "DateTime64(6, 'UTC')", "when it was recorded"),
        ),
        (declared.columns[0].name, "import_id", "ordinal"),
        personal=name in ("members", "exemptions"),
    )


ORG_CLOSURE = Table(
    "org_closure",
    "Which organisation is below which, dated; every organisation is below itself. Written whole by each roster "
    "import that changes organisations.",
    (
        Column("import_id", "UInt64", "the import whose tree it is"),
        Column("ancestor_id", "String", "the organisation above"),
        Column("org_id", "String", "the organisation, or one below it"),
        Column("ordinal", "UInt32", "row in that import, from 0"),
        Column("valid_from", "Nullable(Date32)", "first day, included; NULL since ever"),
        Column("valid_to", "Nullable(Date32)", "first day no longer included; NULL until further notice"),
    ),
    ("import_id", "ancestor_id", "org_id", "ordinal"),
)

MEMBERSHIPS = Table(
    "memberships",
    "Who belongs where, dated, sorted by organisation: derived from ref_members by each roster import that changes "
    "members, whole; the import before it is kept for queries that are running.",
    (
        Column("import_id", "UInt64", "the import whose memberships they are"),
        Column("org_id", "String", "organisation"),
        Column("member_id", "String", "opaque member id"),
        Column("since", "Date32", "first day, included; 1900-01-01 since ever"),
        Column("until", "Date32", "first day no longer included; 2299-12-31 until further notice"),
        Column("category", "LowCardinality(String)", "category of the member"),
        Column("role", "LowCardinality(String)", "role of the member"),
        Column("status", "LowCardinality(String)", "status of the member"),
    ),
    ("import_id", "org_id", "member_id", "since"),
    "",
    "import_id",
    ("index_granularity = 1024",),
    personal=True,
)

REFERENCE: dict[str, Table] = {name: _reference(name) for name in reference.TABLES}
"""Store tables of reference data by the name of the declared table."""

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        *REFERENCE.values(),
        *(family.table for family in FAMILIES.values()),
        ORG_CLOSURE,
        MEMBERSHIPS,
        EVENTS,
        MEMBER_DAY,
        ANSWERS,
        BRANCH_DAY,
        REJECTED,
        DUPLICATES,
        LEDGER,
        PROBES,
        RETENTION,
        IMPORTS,
        GENERATIONS,
        CALIBRATIONS,
        ITEM_THRESHOLDS,
        ISSUED_REPORTS,
        ISSUED_MEMBERS,
        ISSUED_DATA,
        PRINCIPALS,
        AUDIT,
        ERASURES,
        CORRECTIONS,
    )
}
