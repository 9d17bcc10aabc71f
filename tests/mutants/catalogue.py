"""The mutations: where, what instead of what, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass

SETS = "tests/property/test_sets_of_facts.py"
WORKERS = "tests/property/test_two_workers.py"
TRANSFERS = "tests/property/test_transfers.py"
OVERLAP = "tests/property/test_overlapping_batches.py"
MANY = "tests/property/test_many_as_one.py"
ORACLE = "tests/property/test_oracle.py"
PIPELINE = "tests/unit/test_pipeline.py"
REVIEW = "tests/unit/test_review_pipeline.py"
SHELL = "tests/integration/test_faust_shell.py"
FUZZ = "tests/fuzz/test_decoder.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """``old`` must occur exactly once in ``path``; one of the ``tests`` must fail when it is ``new``."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = [
    Mutant(
        "acknowledge before the write",
        "streams/faust_shell/collector.py",
        """            rest = await self._handlers[topic](_batches(topic, runs))
""",
        """            self._finished(runs)
            rest = await self._handlers[topic](_batches(topic, runs))
""",
        (f"{SHELL}::test_an_exception_ends_the_process_and_commits_nothing_of_the_batch",),
    ),
    Mutant(
        "acknowledge after an error",
        "streams/faust_shell/collector.py",
        """            self._closed = True
            self._fatal(e)
        finally:
            if not left:
""",
        """            self._finished(runs)
            log.error("%s", e)
        finally:
            if not left:
""",
        (f"{SHELL}::test_an_exception_ends_the_process_and_commits_nothing_of_the_batch",),
    ),
    Mutant(
        "recovery clears the queues",
        "streams/faust_shell/app.py",
        "clear_on_resume=False",
        "clear_on_resume=True",
        ("tests/unit/test_faust_shell_promises.py",),
    ),
    Mutant(
        "offsets by acknowledgement, holes allowed",
        "streams/faust_shell/ledger.py",
        "        if durable != run.start:\n",
        "        if durable is None:\n",
        ("tests/unit/test_record_batch_ledger.py",),
    ),
    Mutant(
        "the same id is two facts in columns",
        "streams/distinct.py",
        "    order = np.lexsort((low, high, owner))\n",
        "    order = np.lexsort((np.arange(len(low)), owner))\n",
        (SETS, MANY),
    ),
    Mutant(
        "what is taken back counts in columns",
        "streams/packed_facts.py",
        "        self.taken[[fact for fact, _ in self.takers]] = True\n",
        "",
        (SETS, MANY),
    ),
    Mutant(
        "a day that depends on a withdrawal keeps its version",
        "streams/row_tables.py",
        "    version += takers_of_days(facts, study, answered, judged.asked, len(day))\n",
        "",
        (SETS, MANY),
    ),
    Mutant(
        "drop the deduplication",
        "streams/member.py",
        "            if other.rank == fact.rank:\n",
        "            if other.rank == fact.rank and other.position == fact.position:\n",
        (PIPELINE,),
    ),
    Mutant(
        "last write wins instead of union",
        "streams/member.py",
        "            self.bodies[fact.event_id] = tuple(sorted((*have, fact), key=lambda f: f.rank))\n",
        "            self.bodies[fact.event_id] = (fact, *have)\n",
        (SETS,),
    ),
    Mutant(
        "a fresh state for an evicted member",
        "streams/cache.py",
        "            table = sink.facts(cold, FACT_COLUMNS)\n",
        "            table = sink.facts(cold[:0], FACT_COLUMNS)\n",
        (SETS, WORKERS),
    ),
    Mutant(
        "a fresh state for an evicted branch day",
        "streams/branch.py",
        "            self._read(generation, of_days)\n",
        "            self._days.numbers(of_days)\n",
        (TRANSFERS, WORKERS),
    ),
    Mutant(
        "memory survives a move of partitions",
        "streams/cache.py",
        "            self._forget |= partitions\n",
        "            self._forget |= set()\n",
        (WORKERS,),
    ),
    Mutant(
        "memory survives a failed batch",
        "streams/pipeline.py",
        "            with self._folding:\n                self.cache.clear()\n            raise\n        finally:\n",
        "            raise\n        finally:\n",
        (WORKERS,),
    ),
    Mutant(
        "a version that ties",
        "streams/member.py",
        "        return len(found)\n",
        "        return len({i for i, _ in found})\n",
        (SETS, WORKERS),
    ),
    Mutant(
        "withdrawals do not count for the version",
        "streams/member.py",
        """            for taker in self.takers.get(i, ()):
                # All bodies of the taker, because which of them counts decides whether it takes anything.
                found.update((f.event_id, f.rank) for f in self.bodies[taker.event_id])
""",
        "",
        (SETS,),
    ),
    Mutant(
        "contributions by arrival instead of by version",
        "streams/branch_days.py",
        "        chosen = chosen[version[chosen] > self._version.values[slot[chosen]]]\n",
        "",
        (WORKERS,),
    ),
    Mutant(
        "the roster of the batch's beginning",
        "streams/branch.py",
        "            if now == version:\n",
        "            if now:\n",
        (TRANSFERS, REVIEW),
    ),
    Mutant(
        "sums keep what a member contributed before",
        "streams/branch_days.py",
        "        gain[:, :_COUNT] = figures - old\n",
        "        gain[:, :_COUNT] = figures\n",
        (WORKERS, SETS),
    ),
    Mutant(
        "of a day that was read only what changed is written",
        "streams/branch.py",
        "        cells = np.union1d(changed, self._days.cells_of(self._days.numbers(cold)) if cold else changed)\n",
        "        cells = changed\n",
        (TRANSFERS, WORKERS),
    ),
    Mutant(
        "facts on their way to the archive are read before they are there",
        "streams/flights.py",
        "            self._wait(flight, lambda f: not wanted.isdisjoint(f.members))\n",
        "            pass\n",
        (OVERLAP,),
    ),
    Mutant(
        "what was folded on refused events is written",
        "streams/flights.py",
        "            self._epoch += 1\n",
        "            self._epoch += 0\n",
        (f"{OVERLAP}::test_a_batch_that_was_folded_on_refused_events_is_folded_again",),
    ),
    Mutant(
        "a withdrawal that comes first is forgotten",
        "streams/member.py",
        "        if fact.target:\n",
        "        if fact.target in self.bodies:\n",
        (SETS, ORACLE),
    ),
    Mutant(
        "events that were folded are not archived",
        "streams/pipeline.py",
        "        events = archive_table(part.arrivals.take(merged.fresh), self.now_us())\n",
        "        events = archive_table(part.arrivals.take(merged.fresh[:1]), self.now_us())\n",
        (SETS, WORKERS),
    ),
    Mutant(
        "a repeated batch is skipped",
        "streams/merge.py",
        "    touched[number[mine[plain]]] = True\n",
        "    touched[number[mine[fresh]]] = True\n",
        (PIPELINE, WORKERS),
    ),
    Mutant(
        "midnight in UTC",
        "schemas/days.py",
        "        return int(local.astimezone(UTC).timestamp()) * 1000\n",
        "        return int(local.replace(tzinfo=UTC).timestamp()) * 1000\n",
        (ORACLE,),
    ),
    Mutant(
        "a sum instead of a union",
        "streams/fold_study.py",
        "    study = sum(b - a for a, b in inside)\n",
        "    study = total\n",
        (ORACLE,),
    ),
    Mutant(
        "a refused event stays in memory",
        "streams/pipeline.py",
        "        self.cache.clear()\n        begun.effects = None\n",
        "        begun.effects = None\n",
        (PIPELINE,),
    ),
    Mutant(
        "nested values are shown whole",
        "schemas/decode.py",
        "    if isinstance(value, list | dict):\n",
        "    if isinstance(value, tuple):\n",
        (FUZZ,),
    ),
]
