"""What imports, generations, retention and calibrations leave behind."""

from __future__ import annotations

from schemas.table import Column, Table

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
