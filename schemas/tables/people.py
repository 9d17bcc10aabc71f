"""Issued reports, principals, the audit, erasures and corrections."""

from __future__ import annotations

from schemas.table import Column, Table

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
