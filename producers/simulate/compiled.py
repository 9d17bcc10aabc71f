"""The scenario's catalogue as indexed, slotted objects: what the inner loop reads instead of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from random import Random
from statistics import NormalDist

from producers.simulate.catalogue import Exam, PointParameters
from producers.simulate.model import Scenario

Response = str | list[str]


@dataclass(slots=True)
class Item:
    """A question with its parameters; ``points`` are indexes, the first of them drives practice."""

    index: int
    question_id: str
    kind: str
    key: str
    letters: str
    wrong: list[str]
    weights: list[float]
    a: float
    b: float
    log_time: float
    points: list[int]
    point_ids: list[str]
    max_score: int
    unit: int

    def guess(self, rng: Random) -> str:
        """A response at chance: one letter, or any two and more letters of a multiple choice."""
        if self.kind != "multiple":
            return self.letters[int(rng.random() * len(self.letters))]
        while True:
            bits = rng.getrandbits(len(self.letters))
            if bits.bit_count() >= 2:
                return "".join(letter for i, letter in enumerate(self.letters) if bits >> i & 1)

    def mistake(self, rng: Random) -> str:
        """A wrong response of someone who tried: a distractor, or one letter too few or too many."""
        if self.kind != "multiple":
            return rng.choices(self.wrong, cum_weights=self.weights)[0]
        if self.wrong and (len(self.key) <= 2 or rng.random() < 0.45):
            extra = rng.choices(self.wrong, cum_weights=self.weights)[0]
            return "".join(sorted(self.key + extra))
        drop = self.key[int(rng.random() * len(self.key))]
        return self.key.replace(drop, "")

    def score(self, response: str) -> float:
        """Full marks when right; one point for a part of a multiple-choice key and nothing wrong; else 0."""
        if response == self.key:
            return float(self.max_score)
        return 1.0 if self.kind == "multiple" and set(response) < set(self.key) else 0.0


@dataclass(slots=True)
class Window:
    """A course as the loop sees it; days count from the scenario's first, ``due`` is the day after the last."""

    index: int
    course_id: str
    audience: str
    assigned: int
    due: int
    units: list[tuple[str, int, int]]  # unit id, length in ms, index of the quiz or -1
    items: list[int]


@dataclass(slots=True)
class Paper:
    """An exam as the loop sees it."""

    index: int
    exam: Exam
    course_id: str
    items: list[int]
    assigned: int
    due: int


@dataclass(slots=True)
class Point:
    """A knowledge point; ``threshold`` is the normal quantile above which someone knows it from the start."""

    point_id: str
    parameters: PointParameters
    threshold: float


@dataclass(slots=True)
class Compiled:
    items: list[Item] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)


def compile_catalogue(scenario: Scenario) -> Compiled:
    """Resolve every id of the catalogue into an index."""
    catalogue = scenario.catalogue
    out = Compiled()
    point_index: dict[str, int] = {}
    for number, point in enumerate(catalogue.knowledge_points):
        point_index[point.knowledge_point_id] = number
        chosen = scenario.points[point.knowledge_point_id]
        out.points.append(Point(point.knowledge_point_id, chosen, NormalDist().inv_cdf(1.0 - chosen.prior)))
    unit_number: dict[str, int] = {}
    for course in catalogue.courses:
        own = [u.unit_id for u in catalogue.units if u.course_id == course.course_id]
        unit_number |= {unit_id: number for number, unit_id in enumerate(own)}
    for number, question in enumerate(catalogue.questions):
        item = scenario.items[question.question_id]
        out.items.append(
            Item(
                index=number,
                question_id=question.question_id,
                kind=question.kind,
                key=question.answer_key,
                letters="ABCDEF"[: len(question.options)],
                wrong=list(item.distractors),
                weights=list(accumulate(item.distractors.values())),
                a=item.discrimination,
                b=item.difficulty,
                log_time=item.log_time,
                points=[point_index[k] for k in question.knowledge_points],
                point_ids=list(question.knowledge_points),
                max_score=question.max_score,
                unit=unit_number[question.unit_id],
            )
        )
    item_index = {item.question_id: item.index for item in out.items}

    def day(when: date) -> int:
        return (when - scenario.start).days

    for number, exam in enumerate(catalogue.exams):
        items = [item_index[q] for q in exam.question_ids]
        out.papers.append(Paper(number, exam, exam.course_id, items, day(exam.assigned_at), day(exam.due_at) + 1))
    paper_index = {paper.exam.exam_id: paper.index for paper in out.papers}
    for number, course in enumerate(catalogue.courses):
        units = [
            (u.unit_id, u.length_ms, paper_index.get(u.quiz_exam_id, -1))
            for u in catalogue.units
            if u.course_id == course.course_id
        ]
        items = [item_index[q.question_id] for q in catalogue.questions if q.course_id == course.course_id]
        out.windows.append(
            Window(
                *(number, course.course_id, course.audience, day(course.assigned_at), day(course.due_at) + 1),
                units=units,
                items=items,
            )
        )
    return out
