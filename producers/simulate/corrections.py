"""What happens days after the event: errors marked, answers graded, intervals withdrawn or replaced."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from producers.simulate.clock import DAY_MS, HOUR_MS
from producers.simulate.compiled import Item
from producers.simulate.delivery import Event, event_id
from producers.simulate.state import MemberState

if TYPE_CHECKING:
    from producers.simulate.engine import Simulation

_KINDS = ("knowledge", "careless", "misread", "other")
_REASONS = ("误操作", "他人使用本人设备", "重复计时")
_GRADER, _OFFICE = "xuejing-grading/1.1.0", "xuejing-office/1.0.3"


class Corrections:
    """Schedules later events with the simulation; none of them comes from a member's own clock."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._mess = sim.scenario.messiness

    def after_study(self, member: MemberState, event: Event, now: int, rng: Random) -> None:
        """A few intervals are withdrawn, or replaced by a shorter one, within some days."""
        chance = rng.random()
        if chance >= self._mess.withdrawn + self._mess.replaced:
            return
        at = now + HOUR_MS + int(rng.random() * 3 * DAY_MS)
        body = self._later(member, event, "withdraw", rng, at)
        if chance < self._mess.withdrawn:
            body |= {"target_event_id": event["event_id"], "reason": rng.choice(_REASONS)}
        else:
            share = rng.uniform(0.3, 0.9)
            body |= {
                "event_type": "study",
                "occurred_at": event["occurred_at"],
                "replaces": event["event_id"],
            }
            body |= {"unit_id": event["unit_id"], "duration_ms": int(event["duration_ms"] * share)}
        self._sim.schedule(at, member, body)

    def grade_later(self, member: MemberState, event: Event, now: int, rng: Random) -> Event:
        """Take the grade out of ``event`` and schedule a graded one that replaces it; returns that one."""
        at = now + int(rng.uniform(1.5, 6.0) * DAY_MS)
        graded: Event = dict(event, event_id=event_id(at, rng), replaces=event["event_id"], source=_GRADER)
        del graded["device_id"]
        event["correct"] = None
        del event["score"]
        self._sim.schedule(at, member, graded)
        return graded

    def mark_error(self, member: MemberState, answer: Event, item: Item, now: int, rng: Random) -> None:
        """An error event days after a wrong answer; most name the answer, some leave it to be found."""
        at = now + int(rng.uniform(0.4, 9.0) * DAY_MS)
        body = self._later(member, answer, "error", rng, at)
        body |= {"question_id": item.question_id, "attempt": answer["attempt"], "exam_id": answer["exam_id"]}
        body |= {
            "response": answer["response"],
            "expected": item.key,
            "kind": rng.choices(_KINDS, (6, 3, 2, 1))[0],
        }
        if rng.random() < 0.8:
            body["answer_id"] = answer["event_id"]
        self._sim.schedule(at, member, body)

    def paper_error(self, member: MemberState, course_id: str, item: Item, now: int, rng: Random) -> None:
        """An error found on paper: no answer was ever sent, so it is a wrong answer of its own."""
        at = now + int(rng.uniform(0.2, 2.0) * DAY_MS)
        body = self._later(member, {"course_id": course_id}, "error", rng, at)
        body |= {"question_id": item.question_id, "response": item.mistake(rng), "expected": item.key}
        self._sim.schedule(at, member, body)

    def _later(self, member: MemberState, about: Event, kind: str, rng: Random, at: int) -> Event:
        return {
            "event_id": event_id(at, rng),
            "event_type": kind,
            "member_id": member.member_id,
            "course_id": about["course_id"],
            "occurred_at": self._sim.stamp(at),
            "source": _OFFICE,
        }
