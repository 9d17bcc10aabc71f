"""A store filled by SQL: events, answers, member-days, branch-days, roster and catalogue that belong together.

    python -m bench.filled FOLDER [--size small|short|full]

Every row is a function of (member, visit): a visit is twenty events in one evening, ten stretches of study, nine
answers, of every tenth visit those of an exam, and one error without an answer. So member-days and answers can be
written without folding, and must be what the folds make of the same lines (a test compares them). Some visits arrive
late: their days are written twice, first without answers, so that readers have replaced rows to deal with.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.filled_reference import ROOT, reference
from sinks.client import Endpoint, Store
from sinks.embedded.config import EngineOptions
from sinks.embedded.process import EngineProcess
from sinks.migrate import migrate
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference

ZONE, FIRST_DAY, DAYS = "Asia/Shanghai", date(2025, 12, 1), 365
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
EVENTS_A_VISIT = 20
_START_MS = int(datetime(2025, 12, 1, 10, tzinfo=UTC).timestamp() * 1000)
"""18:00 of the first day."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much: ``members`` with ``visits`` evenings each, at most a hundred."""

    members: int
    visits: int

    @property
    def events(self) -> int:
        """Events in all."""
        return self.members * self.visits * EVENTS_A_VISIT


SIZES = {"small": Size(1_000, 10), "short": Size(10_000, 25), "full": Size(100_000, 50)}
"""200 thousand, 5 million and 100 million events."""


def visits(size: Size, where: str = "1") -> str:
    """SELECT of one row a visit, in the order of members and time."""
    low, high = f"intDiv(v * {DAYS}, {size.visits})", f"intDiv((v + 1) * {DAYS}, {size.visits})"
    return f"""
        SELECT number AS m, v, concat('m', leftPad(toString(m), 7, '0')) AS member_id, cityHash64(m, v) AS h,
               {low} + h % greatest(1, {high} - {low}) AS day_n,
               {_START_MS} + day_n * 86400000 + bitShiftRight(h, 8) % 10800000 AS start,
               toDate('{FIRST_DAY}') + day_n AS day, leftPad(toString(bitShiftRight(h, 20) % 20), 2, '0') AS course,
               v % 10 = 9 AS is_exam, intDiv(day_n * 4, {DAYS}) AS quarter,
               if(is_exam, 9 * quarter, bitShiftRight(h, 40) % 200) AS base,
               bitShiftRight(h, 30) % 50 = 0 AS late,
               start + 1100000 + if(late, 172800000, 0) AS received
        FROM (SELECT number, arrayJoin(range({size.visits})) AS v FROM numbers({size.members}))
        WHERE {where}"""


_ONE = """
    cityHash64(h, k) AS e, k < 10 AS study, k BETWEEN 10 AND 18 AS answer, k = 19 AS error, is_exam AND answer AS paper,
    start + if(study, (k + 1) * 60000, 600000 + (k - 9) * 45000) AS at_ms,
    fromUnixTimestamp64Milli(toInt64(at_ms), 'UTC') AS at_,
    reinterpretAsUUID(sipHash128(h, k, 'id')) AS id, concat('course-', course) AS course_,
    e % 100 < 50 + m % 40 AS right_,
    5000 + bitShiftRight(e, 8) % 40000 AS spent,
    if(study, '', concat('q-', course, '-', toString(if(error, 200 + v % 100, (base + k - 10) % 200)))) AS question,
    if(paper, concat('exam-', course, '-', toString(quarter)), '') AS exam,
    if(paper, intDiv(v, 10) + 1, 1) AS attempt_, concat('unit-', course, '-', toString(v % 20)) AS unit,
    if(error OR NOT right_, ['B', 'C', 'D'][1 + bitShiftRight(e, 30) % 3], 'A') AS option,
    concat('kp-', course, '-', toString((base + k) % 10)) AS point, concat('device-', toString(m)) AS device,
    hex(h) AS session"""


def _events(size: Size, where: str) -> str:
    return f"""
        INSERT INTO events (member_id, at, event_id, body_hash, skew_ms, event_type, course_id, received_at,
            archived_at, source, device_id, duration_ms, active_ms, unit_id, session_id, question_id, exam_id, attempt,
            response, correct, knowledge_points, cluster, topic, partition, offset, line, raw, keep)
        SELECT member_id, at_, id, reinterpretAsFixedString(sipHash128(h, k, 'body')), 0,
            multiIf(study, 'study', answer, 'answer', 'error'), course_,
            fromUnixTimestamp64Milli(toInt64(received), 'UTC'),
            fromUnixTimestamp64Micro(toInt64(received + 1000) * 1000, 'UTC'), 'bench/1.0', device,
            multiIf(study, 60000, answer, toInt64(spent), NULL), if(study, 50000, NULL), if(study, unit, ''),
            if(study, session, ''), question, exam, if(study, 0, attempt_), if(study, [], [option]),
            if(answer, toBool(right_), NULL), if(answer, [point], []), 'bench', 'xuejing.events', m % 4,
            v * {size.members} + m, k,
            concat('{{"event_id":"', toString(id), '","member_id":"', member_id, '","course_id":"', course_,
                '","occurred_at":"', formatDateTime(at_, '%FT%T.%f'), 'Z","source":"bench/1.0","device_id":"', device,
                multiIf(
                    study, concat('","event_type":"study","duration_ms":60000,"active_ms":50000,"unit_id":"', unit,
                        '","session_id":"', session, '"}}'),
                    answer, concat('","event_type":"answer","question_id":"', question, '","correct":',
                        if(right_, 'true', 'false'), ',"duration_ms":', toString(spent), ',"response":"', option,
                        if(paper, concat('","exam_id":"', exam, '","attempt":', toString(attempt_)), '"'),
                        ',"knowledge_points":["', point, '"]}}'),
                    concat('","event_type":"error","question_id":"', question, '","response":"', option, '"}}'))),
            9223372036854775808 - (received + 1000) * 1000
        FROM (SELECT *, k, {_ONE} FROM ({visits(size, where)}) ARRAY JOIN range(20) AS k)"""


def _answers(size: Size, where: str) -> str:
    return f"""
        INSERT INTO answers (generation, member_id, course_id, question_id, day, event_id, at, exam_id, attempt,
            counted, correct, score_micro, max_micro, response_ms, response, knowledge_points, from_error, version)
        SELECT 1, member_id, course_, question, day, id, at_, exam, attempt_, true, toBool(answer AND right_),
            if(answer AND right_, 1000000, 0), 1000000, if(answer, toInt64(spent), NULL), [option],
            if(answer, [point], []), error, 1
        FROM (SELECT *, k, {_ONE} FROM ({visits(size, where)}) ARRAY JOIN range(10, 20) AS k)"""


def _days(size: Size, where: str, *, whole: str = "1") -> str:
    """Member-days; where ``whole`` is not true as they were before the answers came."""
    return f"""
        INSERT INTO member_day (generation, member_id, day, course_id, study_ms, overlap_ms, active_ms, open_ms,
            sessions, answers, graded, correct, score_micro, max_micro, response_ms, timed_answers, wrong_questions,
            events, capped, hour_ms, first_at, last_at, version)
        SELECT 1, member_id, day, course_id, 600000, 0, 500000, 600000, 1, 10 * whole, 10 * whole,
            rights * whole, rights * 1000000 * whole, 10000000 * whole, spent * whole, 9 * whole, (10 - rights) * whole,
            10 + 10 * whole, 0, hours, fromUnixTimestamp64Milli(toInt64(start), 'UTC'),
            fromUnixTimestamp64Milli(toInt64(start + if(whole, 1050000, 600000)), 'UTC'), 10 + 10 * whole
        FROM (
            SELECT *, {whole} AS whole, arrayMap(k -> cityHash64(h, toUInt8(k)), range(10, 19)) AS es,
                arrayCount(e -> e % 100 < 50 + m % 40, es) AS rights,
                arraySum(e -> 5000 + bitShiftRight(e, 8) % 40000, es) AS spent,
                (start - {_START_MS}) % 86400000 + 64800000 AS of_day,
                arrayMap(i -> greatest(0, least(toInt64(of_day) + 600000, (i + 1) * 3600000)
                                          - greatest(toInt64(of_day), i * 3600000)), range(24)) AS hours
            FROM ({visits(size, where)}))
        ARRAY JOIN ['', concat('course-', course)] AS course_id"""


def _ledger(size: Size) -> str:
    return f"""
        INSERT INTO ledger SELECT 'bench', 'xuejing.events', m % 4, v * {size.members} + m, 20, 20, 0, 0,
            if(late, 20, 0), fromUnixTimestamp64Milli(toInt64(received), 'UTC') FROM ({visits(size)})"""


def _duplicates(size: Size) -> str:
    """One message of a thousand is sent twice."""
    return f"""
        INSERT INTO duplicates SELECT member_id, id, reinterpretAsFixedString(sipHash128(h, k, 'body')), 'bench',
            'xuejing.events', m % 4, v * {size.members} + m + 1000000000, k,
            fromUnixTimestamp64Milli(toInt64(received + 60000), 'UTC')
        FROM (SELECT *, k, {_ONE} FROM ({visits(size, "h % 1000 = 7")}) ARRAY JOIN range(20) AS k)"""


def _rejected(size: Size) -> str:
    """One visit of ten thousand sends a line that is no event."""
    return f"""
        INSERT INTO rejected_events SELECT 'bench', 'xuejing.events', m % 4, v * {size.members} + m + 2000000000, 0,
            'malformed', 'not JSON', concat('{{', member_id), member_id, '',
            fromUnixTimestamp64Milli(toInt64(received), 'UTC'), 0, 'open', 0
        FROM ({visits(size, "h % 10000 = 9")})"""


_BRANCH_DAY = """
    INSERT INTO branch_day SELECT 1, org_id, day, course_id, 0, count(), {sums},
        bitShiftLeft((SELECT max(import_id) FROM imports WHERE kind = 'roster'), 40) + sum(version)
    FROM (SELECT * FROM member_day FINAL WHERE toYYYYMM(day) = {month}) AS d
    INNER JOIN v_memberships AS m ON m.member_id = d.member_id AND m.since <= d.day AND d.day < m.until
    GROUP BY org_id, day, course_id"""
_SUMMED = (
    "study_ms overlap_ms active_ms open_ms sessions answers graded correct score_micro max_micro response_ms "
    "timed_answers wrong_questions events"
).split()


def fill(store: Store, size: Size, say: Any = lambda _: None) -> None:
    """Fill an empty store; waits until its merges are done."""
    migrate(store)
    ensure_generation(store, ZONE, "{}")
    write_reference(store, reference(size.members), datetime(2026, 11, 1, tzinfo=UTC))
    months = sorted({(FIRST_DAY + timedelta(days=d)).strftime("%Y%m") for d in range(DAYS)})
    statements = []
    for month in months:
        inside = f"toYYYYMM(day) = {month}"
        # The last month is as it is while people work: a part for some days each.
        chunks = [f"toDayOfMonth(day) % 5 = {i} AND " for i in range(5)] if month == months[-1] else [""]
        for make in (_events, _answers):
            statements += [make(size, f"{chunk}{inside} AND NOT late") for chunk in chunks]
            statements += [make(size, f"{inside} AND late")]
        statements += [_days(size, f"{chunk}{inside}", whole="NOT late") for chunk in chunks]
        statements += [_days(size, f"{inside} AND late")]
    statements += [_ledger(size), _duplicates(size), _rejected(size)]
    sums = ", ".join(f"sum(d.{c})" for c in _SUMMED)
    _run(store, statements, say)
    _run(store, [_BRANCH_DAY.format(sums=sums, month=month) for month in months], say)
    quiet(store)


def _run(store: Store, statements: list[str], say: Any) -> None:
    limits = (
        " SETTINGS max_threads = 1, max_insert_threads = 1, min_insert_block_size_rows = 2500000, "
        "min_insert_block_size_bytes = 0, max_block_size = 65536, max_memory_usage = 8000000000"
    )
    began = time.perf_counter()

    def one(statement: str) -> None:
        store.command(statement + limits)

    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(one, statements), 1):
            say(f"{done} of {len(statements)} statements, {time.perf_counter() - began:.0f} s")


def quiet(store: Store, timeout: float = 600) -> None:
    """Wait until no merge runs."""
    deadline = time.monotonic() + timeout
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        calm = calm + 1 if not store.rows("SELECT count() FROM system.merges")[0][0] else 0
        time.sleep(0.5)


def engine(folder: Path) -> EngineProcess:
    """An engine over a folder that keeps a log of queries, and does not wait for the disk at each insert."""
    return EngineProcess(folder, options=EngineOptions(fsync=False, query_log=True))


def main() -> None:
    """Fill a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="small")
    arguments = parser.parse_args()
    with engine(arguments.folder) as running:
        store = Store(Endpoint(running.url, running.user, running.password))
        fill(store, SIZES[arguments.size], lambda text: print(text, file=sys.stderr, flush=True))
        print(f"{SIZES[arguments.size].events:,} events below {ROOT}", file=sys.stderr)


if __name__ == "__main__":
    main()
