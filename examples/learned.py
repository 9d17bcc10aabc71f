"""What the measures say about two public data sets and a simulated one, as Markdown: docs/measurement-examples.md.

python examples/credential.py SOURCE_DIR OUT_DIR      # or examples/epm.py
xuejing analyse OUT_DIR/events.ndjson --roster OUT_DIR --catalogue OUT_DIR --timezone UTC --out RESULT --keep
xuejing --data RESULT/store calibrate
python examples/learned.py credential RESULT/store    # or epm; --timezone of epm: Europe/Rome
"""

# ruff: noqa: E501 - prose

import json
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import polars as pl

from commands.connect import connected
from commands.context import make
from reports.analytics.computed import COMPUTED
from reports.analytics.exams import attempt_shares
from reports.analytics.groups import compare_means
from reports.analytics.inputs import Inputs
from reports.measures.moments import correlation, correlation_interval
from reports.measures.proportions import wilson
from sinks.read import Filters, Reader, Scope

EVERYTHING = Scope.everything()


def ask(reader: Reader, name: str, **filters: str) -> pl.DataFrame:
    """A computed query over everything."""
    return COMPUTED[name].frame(reader, EVERYTHING, Filters(**filters))


def say(text: str) -> None:
    """A paragraph."""
    print(text, end="\n\n")


def table(head: str, rows: list[tuple[object, ...]]) -> None:
    """A Markdown table."""
    print(f"| {head.replace(',', ' | ')} |\n|{'---|' * (head.count(',') + 1)}")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def related(x: np.ndarray, y: np.ndarray) -> str:
    """Pearson's r with Fisher's interval, of values and of ranks."""
    parts = []
    for name, a, b in (("r", x, y), ("of ranks", x.argsort().argsort() * 1.0, y.argsort().argsort() * 1.0)):
        r = correlation(a, b)
        low, high = correlation_interval(r, len(a)) or (float("nan"), float("nan"))
        parts.append(f"{name} {r:.2f} ({low:.2f} … {high:.2f})")
    return f"{', '.join(parts)}, n = {len(x)}"


def credential(reader: Reader) -> None:
    """Items, rapid answers and schools of the licensure test."""
    (test,) = ask(reader, "tests", exam="exam").to_dicts()
    items = ask(reader, "items", exam="exam")
    say(
        f"**The test.** {test['n']} examinees, {test['questions']} questions, mean {test['mean']:.1f}, standard deviation "
        f"{test['sd']:.1f}; alpha {test['alpha']:.3f}, standard error of measurement {test['standard_error']:.1f} points: "
        f"two scores less than about {1.96 * 2**0.5 * test['standard_error']:.0f} points apart can't be told from chance."
    )
    r = items["r_rest"]
    kept = ask(reader, "suggestions", exam="exam").filter(pl.col("audience") == "author")
    reasons = Counter(reason for listed in kept["reasons"] for reason in listed)
    say(
        f"**Questions.** Facility from {items['facility'].min():.2f} to {items['facility'].max():.2f}, median "
        f"{items['facility'].median():.2f}. {(r < 0).sum()} of {items.height} discriminate negatively, "
        f"{((r >= 0) & (r < 0.1)).sum()} more hardly at all (item–rest correlation below 0.1). {kept.height} questions are "
        f"named for their author to look at: {', '.join(f'{k} {n}' for k, n in reasons.most_common())}. The first of them:"
    )
    table("question,why", [(s["subject"], s["text_en"].partition(": ")[2]) for s in kept.head(5).to_dicts()])
    fitted = items.filter(pl.col("status") == "estimated")
    wide = fitted.filter(pl.col("se_b") > 0.5).height
    say(
        f"**Calibration** {fitted['calibration'][0]} ({fitted['model'][0]}, n = {fitted['calibration_n'][0]}): "
        f"discriminations from {fitted['a'].min():.2f} to {fitted['a'].max():.2f}. Of {fitted.height} difficulties {wide} have "
        "a standard error above 0.5: flat questions have no well-determined place on the scale, whatever n is."
    )
    _rapid(reader, items)
    _schools(reader)


def _rapid(reader: Reader, items: pl.DataFrame) -> None:
    answers = Inputs(reader, EVERYTHING, Filters(exam="exam")).answers
    fast, slow = answers.filter(pl.col("rapid")), answers.filter(~pl.col("rapid"))
    effort = ask(reader, "effort", exam="exam")
    hits = int(fast["correct"].sum())
    low, high = wilson(hits, fast.height) or (0.0, 0.0)
    few = effort.filter(pl.col("effort") < 0.9)
    say(
        f"**Rapid answers.** Thresholds of {items.height} questions are frozen at a tenth of the mean time, at most 10 s. "
        f"{fast.height} of {answers.height} answers ({fast.height / answers.height:.2%}) are rapid; {hits / fast.height:.0%} "
        f"of them are right ({low:.0%} … {high:.0%}), against {slow['correct'].mean():.0%} of the others; blind guessing among "
        f"four options would give 25 %. {few.height} of {effort.height} examinees are below a response-time effort of 0.90; "
        f"effort and score: {related(effort['effort'].to_numpy(), effort['accuracy'].to_numpy())}."
    )


def _schools(reader: Reader) -> None:
    branches = ask(reader, "branches", exam="exam")
    scored = branches.filter(~pl.col("withheld"))
    inputs = Inputs(reader, EVERYTHING, Filters(exam="exam"))
    common = compare_means(_by_school(inputs, lambda _: True), k=1).common
    assert common is not None
    told = scored.filter(~pl.col("p_above").is_between(0.025, 0.975)).height
    say(
        f"**Schools.** {branches.height} schools, {branches.filter(pl.col('members') < 5).height} of them with fewer than five "
        f"examinees; {branches.filter(pl.col('withheld')).height} are withheld. Of the variance of scores "
        f"{common.tau2 / (common.tau2 + common.sigma2):.0%} lies between schools. Among the {scored.height} that are shown, raw "
        f"means run from {scored['mean'].min():.3f} to {scored['mean'].max():.3f}, shrunken ones from "
        f"{scored['shrunk_mean'].min():.3f} to {scored['shrunk_mean'].max():.3f}; of {told} the data say with at least 97.5 % "
        "probability on which side of the common mean they lie."
    )
    say(
        "Does shrinking help? The mean of every second examinee of a school, used to foretell that of the school's other "
        "examinees (root mean square error, in shares of the points):"
    )
    known, rest = compare_means(_by_school(inputs, lambda i: i % 2 == 0), k=1), _by_school(inputs, lambda i: i % 2 == 1)
    assert known.common is not None
    pairs = [(b.shrunk, float(np.mean(rest[b.org_id]))) for b in known.branches if b.shrunk and b.org_id in rest]
    rows = []
    for name, of in (("all with two or more", pairs), ("where one or two are known", [p for p in pairs if p[0].n < 3]),
                     ("where five or more are known", [p for p in pairs if p[0].n >= 5])):  # fmt: skip
        guesses = [[s.raw for s, _ in of], [known.common.mu] * len(of), [s.estimate for s, _ in of]]
        truth = np.array([t for _, t in of])
        rows.append((name, len(of), *(f"{np.sqrt(np.mean((np.array(g) - truth) ** 2)):.4f}" for g in guesses)))
    table("schools,how many,their own mean,the common mean,shrunken mean", rows)


def _by_school(inputs: Inputs, take: Callable[[int], bool]) -> dict[str, list[float]]:
    """Shares right by school, of the members whose place in the list of their school ``take`` accepts."""
    shares = inputs.answers.group_by("org_id", "member_id").agg(pl.col("correct").mean()).sort("org_id", "member_id")
    found: dict[str, list[float]] = {}
    for (org,), part in shares.partition_by("org_id", as_dict=True, maintain_order=True).items():
        kept = [share for i, share in enumerate(part["correct"]) if take(i)]
        if kept:
            found[str(org)] = kept
    return found


def epm(reader: Reader) -> None:
    """Study time at a circuit simulator against the final exam."""
    inputs = Inputs(reader, EVERYTHING, Filters())
    days = inputs.days
    hours = dict(days.filter(pl.col("course_id") == "").group_by("member_id").agg(pl.col("study_seconds").sum() / 3600)
                 .iter_rows())  # fmt: skip
    shares: dict[str, dict[str, float]] = {}
    for member, exam, _, share in attempt_shares(inputs.answers, inputs.catalogue):
        shares.setdefault(exam, {})[member] = share
    best = {m: max(s[m] for s in shares.values() if m in s) for m in set().union(*shares.values())}
    total = np.array(sorted(hours.values()))
    say(
        f"**Who is there.** {len(hours)} students with study time (median {np.median(total):.1f} h, quartiles "
        f"{np.quantile(total, 0.25):.1f} … {np.quantile(total, 0.75):.1f} h over all sessions), {len(best)} with an exam, "
        f"{len(hours.keys() & best.keys())} with both."
    )
    say("**Does time on task relate to the exam?** Study time over all sessions and the share of the exam's points:")
    rows = []
    for name, of in (*sorted(shares.items()), ("better of the two", best)):
        both = sorted(hours.keys() & of.keys())
        rows.append((name, related(np.array([hours[m] for m in both]), np.array([of[m] for m in both]))))
    table("exam,correlation with hours of study (95 % interval)", rows)
    sessions = days.filter(pl.col("course_id").str.starts_with("session")).group_by("member_id", "course_id").agg(
        pl.col("study_seconds").sum() / 3600)  # fmt: skip
    topics = inputs.answers.filter(pl.col("exam_id") != "").explode("knowledge_points")
    marks = topics.group_by("member_id", "knowledge_points").agg(pl.col("score").sum() / pl.col("max_score").sum())
    marks = marks.with_columns(pl.col("knowledge_points").str.replace("topic", "session").alias("course_id"))
    both = sessions.join(marks, on=["member_id", "course_id"])
    say("**By topic.** Time in a session and the points of the exam's questions on it:")
    found = []
    for (session,), part in sorted(both.partition_by("course_id", as_dict=True).items()):
        found.append((session, related(part["study_seconds"].to_numpy(), part["score"].to_numpy())))
    table("session,correlation (95 % interval)", found)
    attitude = ask(reader, "attitude", course="").filter(pl.col("member_id").is_in(list(best)))
    rows = []
    for name in ("active_days", "regularity", "focus", "burstiness"):
        part = attitude.filter(pl.col(name).is_not_null())
        y = np.array([best[m] for m in part["member_id"]])
        rows.append((name, related(part[name].cast(pl.Float64).to_numpy(), y)))
    say("**Other indicators** and the better exam:")
    table("indicator,correlation (95 % interval)", rows)


def simulated(reader: Reader, truth: dict[str, Any]) -> None:
    """Estimates against what was true of a simulated organisation."""
    days = reader.frame("member-day", EVERYTHING).select("member_id", "course_id", "day", "study_seconds").rows()
    got = {(m, c, f"{d}"): round(s * 1000) for m, c, d, s in days if s}
    true = {(m, "", d): ms for m, by_day in truth["study_ms"].items() for d, ms in by_day.items()}
    for member, courses in truth["study_ms_by_course"].items():
        true |= {(member, c, d): ms for c, by_day in courses.items() for d, ms in by_day.items()}
    wrong = sum(got.get(key) != true.get(key) for key in got.keys() | true.keys())
    hours = sum(ms for (_, course, _), ms in true.items() if not course) / 3_600_000
    say(
        f"**Study time.** {len(true)} member-days, of {len(truth['members'])} members in all and by course, {hours:.0f} hours: "
        f"{wrong} differ from the truth by a millisecond or more."
    )
    items = ask(reader, "items").filter((pl.col("model") == "2pl") & (pl.col("status") == "estimated"))
    rows = []
    for name in ("b", "a"):
        x = np.array([truth["items"][q][name] for q in items["question_id"]])
        rows.append(_recovered(f"question {name}", x, items[name].to_numpy(), items[f"se_{name}"].to_numpy()))
    scores = ask(reader, "ability")
    x = np.array([truth["members"][m]["ability"] for m in scores["member_id"]])
    rows.append(_recovered("ability (EAP)", x, scores["ability"].to_numpy(), scores["se"].to_numpy()))
    say("**Questions and abilities** (two-parameter calibrations; first attempts):")
    table("parameter,n,correlation with the truth,95 % intervals that cover it", rows)
    found = ask(reader, "mastery").filter(pl.col("mastery_kept").is_not_null())
    met = zip(found["member_id"], found["knowledge_point"], strict=True)
    known = np.array([truth["members"][m]["mastery"][k] for m, k in met], float)
    p, edges = found["mastery_kept"].to_numpy(), (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.01)
    bands = [(low, high, (p >= low) & (p < high)) for low, high in pairwise(edges)]
    say("**Mastery**, without rapid answers: of those with a probability in each band, how many really know the point.")
    table("band,n,mean probability,share who know it", [
        (f"{low:.2f}–{min(high, 1):.2f}", int(k.sum()), f"{p[k].mean():.3f}", f"{known[k].mean():.3f}") for low, high, k in bands
    ])  # fmt: skip


def _recovered(name: str, true: np.ndarray, got: np.ndarray, se: np.ndarray) -> tuple[object, ...]:
    covered = float((np.abs(got - true) < 1.96 * se).mean())
    return name, len(true), f"{np.corrcoef(true, got)[0, 1]:.3f}", f"{covered:.1%}"


if __name__ == "__main__":
    which, folder, *more = sys.argv[1:]
    with connected(make(Path(folder)).settings) as store:
        if which == "simulated":
            simulated(Reader(store), json.loads(Path(more[0]).read_text("utf-8")))
        else:
            {"credential": credential, "epm": epm}[which](Reader(store))
