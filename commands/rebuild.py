"""``xuejing rebuild``: all metrics anew, into a generation of their own, while the stream goes on.

The new generation is announced first; from then on workers write both. When every batch that began before the
announcement is committed, the archive holds all events that workers may have written to the old generation only:
the archive is folded member by member, the branches are rolled up, and one row makes readers switch. Until then
they see the old generation, whole; afterwards the new one, whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from producers.kafka_admin import BrokerUnavailable, end_offsets, wait_until_committed
from schemas.days import LocalDays, day_date, day_number
from schemas.errors import XuejingError
from schemas.families import FAMILIES
from schemas.settings import Settings
from schemas.tables import ANSWERS, BRANCH_DAY, MEMBER_DAY
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read.generations import GenerationInfo, active_generation, set_state, written_generations
from sinks.rosters import StoreRosters
from streams.branch import BranchPipeline
from streams.contributions import again, encode
from streams.facts import FACT_COLUMNS, Fact, facts_from_archive
from streams.families.rows import Rows, add_rows, family_rows, family_tables
from streams.member import MemberFacts
from streams.records import Record, RecordBatch
from streams.rows import answer_rows, day_rows
from streams.rules import Generation, Rules

from . import context as contexts
from .connect import connected
from .context import Context
from .outbox import Contributions
from .stack import with_broker
from .worker import event_producer
from .worker import generation as as_generation

MEMBERS_A_STEP = 500
BRANCH_DAYS_A_STEP = 500


def announce(store: Store, timezone: str, rules: Rules) -> GenerationInfo:
    """The generation that is being filled: the one an interrupted rebuild left, or a new one.

    It begins where raw events begin; figures of closed days are carried over.
    """
    active = active_generation(store)
    wanted = timezone, rules.to_json()
    for found in written_generations(store):
        if found.number != active.number:
            # A smaller number is the generation before, which a crash kept from being retired.
            if found.number > active.number and (found.timezone, found.rules) == wanted:
                return found
            # An unfinished rebuild with other definitions: nobody reads it, and it must not be mixed.
            set_state(store, found.number, found, "retired")
    ((last,),) = store.rows("SELECT max(generation) FROM generations")
    set_state(store, int(last) + 1, GenerationInfo(int(last) + 1, *wanted), "filling")
    return written_generations(store)[-1]


def broker_of(settings: Settings) -> Settings | None:
    """Settings that reach the broker, None where none is running (then there is no worker either)."""
    try:
        return with_broker(settings)
    except BrokerUnavailable:
        return None


def wait_for_workers(reached: Settings, topic: str) -> None:
    """Wait until every batch of the topic that began before now is committed."""
    security = reached.kafka_security()
    ends = end_offsets(reached.kafka_bootstrap, topic, security=security)
    if ends and not wait_until_committed(
        reached.kafka_bootstrap,
        reached.consumer_group,
        topic,
        until=ends,
        security=security,
        timeout=3600,
    ):
        raise XuejingError("the workers did not catch up within an hour", hint="see xuejing doctor; then repeat")


def fill(sink: ClickHouseSink, info: GenerationInfo, members: Sequence[str], progress: Callable[[int], None]) -> None:
    """Fold the members' archived events into the generation's rows."""
    gen = as_generation(info)
    for i in range(0, len(members), MEMBERS_A_STEP):
        chunk = members[i : i + MEMBERS_A_STEP]
        facts = {m: MemberFacts([gen]) for m in chunk}
        for member_id, fact in facts_from_archive(sink.facts(chunk, FACT_COLUMNS)):
            facts[member_id].add(fact)
        days: list[Any] = []
        answers: list[Any] = []
        families: Rows = {}
        for member_id, of_member in facts.items():
            open_days = [d for d in _days(of_member, gen) if d >= gen.first_open]
            days.extend(r for d in open_days for r in day_rows(member_id, of_member, d, gen))
            answers.extend(answer_rows(member_id, of_member, _bodies(of_member), gen))
            add_rows(families, family_rows(member_id, of_member, _bodies(of_member), gen))
        if days:
            sink.insert(MEMBER_DAY, MEMBER_DAY.tuples(days))
        if answers:
            sink.insert(ANSWERS, ANSWERS.tuples(answers))
        for table, rows in family_tables(families):
            sink.insert(table, rows)
        progress(len(chunk))


def _bodies(facts: MemberFacts) -> Iterator[Fact]:
    return (f for bodies in facts.bodies.values() for f in bodies)


def _days(facts: MemberFacts, gen: Generation) -> list[int]:
    _, index = facts.index[gen.number]
    return sorted(index.study.keys() | index.groups.keys())


def carry_over(store: Store, old: GenerationInfo, new: Generation) -> None:
    """Figures of closed days as they stand: their raw events are gone, so that nothing can compute them again."""
    for table in (MEMBER_DAY, ANSWERS, BRANCH_DAY, *(f.table for f in FAMILIES.values())):
        names = [c.name for c in table.columns if c.name != "generation"]
        listed = ", ".join(f"`{n}`" for n in names)
        store.command(
            f"INSERT INTO {table.name} (generation, {listed}) SELECT {{new:UInt16}}, {listed} FROM {table.name} FINAL "
            "WHERE generation = {old:UInt16} AND day < {first:Date32} SETTINGS max_partitions_per_insert_block = 0",
            {"new": new.number, "old": old.number, "first": day_date(new.first_open)},
        )


def fill_branches(sink: ClickHouseSink, info: GenerationInfo, reached: Settings | None) -> int:
    """Roll the generation's member days up to branch days; returns how many.

    Where workers run, their branch agents do it: one of them may hold a branch's day that it read while the
    generation was still being filled, and must read it again.
    """
    rosters = StoreRosters(sink)
    _, roster = rosters.current()
    keys: set[tuple[str, date]] = set()
    rows = sink.store.rows(
        "SELECT DISTINCT member_id, day FROM member_day WHERE generation = {g:UInt16} AND day >= {first:Date32}",
        {"g": info.number, "first": day_date(max(as_generation(info).first_open, 0))},
    )
    for member_id, day in rows:
        if org_id := roster.org_of(member_id, day):
            keys.add((org_id, day))
    return compute_again(sink, [(info.number, org_id, day) for org_id, day in sorted(keys)], reached)


def compute_again(sink: ClickHouseSink, days: Sequence[tuple[int, str, date]], reached: Settings | None) -> int:
    """Compute branch days (generation, organisation, local day) again from the member days in the store, and wait until
    it is done; by the workers where a broker is ``reached``. Returns how many."""
    if reached is not None:
        with event_producer(reached, reached.contributions_topic) as producer:
            Contributions(producer).ask_again(days)
        wait_for_workers(reached, reached.contributions_topic)
        return len(days)
    branches = BranchPipeline(sink, StoreRosters(sink))
    for i in range(0, len(days), BRANCH_DAYS_A_STEP):
        part = again(
            (generation, org_id, day_number(day)) for generation, org_id, day in days[i : i + BRANCH_DAYS_A_STEP]
        )
        branches.process([RecordBatch("rebuild", 0, [Record(0, 0, None, encode(part))])])
    return len(days)


def run(
    context: Context, store: Store, timezone: str, rules: Rules, progress: Callable[[int, int], None]
) -> GenerationInfo:
    """Rebuild and switch; returns the new active generation. Repeating it after an interruption resumes."""
    sink = ClickHouseSink(store, patience=60)
    old = active_generation(store)
    info = announce(store, timezone, rules)
    reached = broker_of(context.settings)
    if reached is not None:
        wait_for_workers(reached, reached.events_topic)
    members = [str(r[0]) for r in store.rows("SELECT DISTINCT member_id FROM events ORDER BY member_id")]
    mark = context.settings.folder / "rebuild.json"
    done = _resume(mark, info.number)
    todo = [m for m in members if m > done]
    filled = len(members) - len(todo)
    for i in range(0, len(todo), MEMBERS_A_STEP):
        chunk = todo[i : i + MEMBERS_A_STEP]
        fill(sink, info, chunk, lambda _: None)
        filled += len(chunk)
        _checkpoint(mark, info.number, chunk[-1])
        progress(filled, len(members))
    gen = as_generation(info)
    if gen.first_open > 0:
        carry_over(store, old, gen)
    fill_branches(sink, info, reached)
    set_state(store, info.number, info, "active")
    set_state(store, old.number, old, "retired")
    mark.unlink(missing_ok=True)
    return info


def _resume(mark: Path, number: int) -> str:
    try:
        kept = json.loads(mark.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(kept["member_id"]) if kept.get("generation") == number else ""


def _checkpoint(mark: Path, number: int, member_id: str) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    temporary = mark.with_suffix(".tmp")
    temporary.write_text(json.dumps({"generation": number, "member_id": member_id}), "utf-8")
    temporary.replace(mark)


def rebuild(
    ctx: typer.Context,
    timezone: Annotated[str | None, typer.Option(help="新的时区 · zone of local days, default unchanged")] = None,
) -> None:
    """重新计算全部指标并切换 · Recompute all metrics into a new generation, then switch readers to it.

    For a change of definition or time zone. The stream goes on; readers see the old figures until all new ones are
    there. Interrupted, it goes on where it stopped.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        zone = timezone or active_generation(store).timezone
        LocalDays(zone)
        with Progress(console=contexts.messages, transient=True) as bar:
            task = bar.add_task("重建 rebuild", total=None)
            info = run(context, store, zone, Rules(), lambda n, of: bar.update(task, completed=n, total=of))
    context.say(
        f"第 {info.number} 代指标已启用，按 {info.timezone} 分日",
        f"generation {info.number} is active, days in {info.timezone}",
    )
    if zone != context.settings.timezone:
        context.say(f"请把设置 timezone 改为 {zone}", f"set the setting timezone to {zone}")
