"""Who is in the organisation: fictional names, the college of five branches, and trees of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from producers.simulate.draw import draw_traits, seeded
from producers.simulate.model import Exemption, Membership, Messiness, Organisation, Person

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾"
    "萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛"
)
# Two characters each.
_GIVEN = (
    "建国文博雅琴志远晓燕国栋丽华明哲秀兰海涛静怡振华桂芳俊杰慧敏立新春梅永强淑珍思源"
    "玉洁德明晓东佳琪浩然梦瑶子轩雨桐宇航诗涵一鸣欣怡泽宇若曦嘉豪语嫣天佑婉清奕辰书瑶"
    "鹏飞月华守信爱莲学军巧云致远凤仪卫东素芬新民红梅宏伟彩霞长青玉兰松涛冬梅少华美玲"
    "启明晨曦向阳映雪景行安琪承志知夏修远可馨云帆沐阳清扬念慈怀瑾晚晴正阳亦凡梓涵思齐"
)
_MASK = (1 << 40) - 1
_LONG_AGO = 1_000  # days; most memberships began well before the term


def member_id(seed: int, index: int) -> str:
    """Opaque id; multiplying by an odd number permutes 40-bit values, so ids never collide."""
    return f"m-{(index * 0x9E3779B97F + seed * 0x5851F42D4C957F2D + 0x14057B7EF7) & _MASK:010x}"


def unknown_member_id(seed: int, number: int) -> str:
    """Id of someone whose app sends events before the roster knows them; from the top of the id range."""
    return member_id(seed, _MASK - number)


def names(seed: int) -> Iterator[str]:
    """Fictional names without repetition while they last (thousands), then with a numeral."""
    rng = seeded(seed, "names")
    every = [s + _GIVEN[i : i + 2] for s in _SURNAMES for i in range(0, len(_GIVEN), 2)]
    rng.shuffle(every)
    yield from every
    number = 1
    while True:
        number += 1
        yield from (f"{name}{number}" for name in every)


@dataclass(frozen=True, slots=True)
class _Branch:
    org_id: str
    parent_id: str
    name: str
    staff: int
    students: int
    activity: float


_COLLEGE = "o-college"
_BRANCHES = (
    _Branch("o-office", "o-staff", "机关党支部", 13, 0, 0.95),
    _Branch("o-humanities", "o-staff", "人文社科党支部", 15, 0, 1.1),
    _Branch("o-engineering", "o-staff", "理工教研党支部", 13, 0, 0.35),
    _Branch("o-undergraduate", "o-student", "本科生党支部", 1, 14, 1.1),
    _Branch("o-postgraduate", "o-student", "研究生党支部", 1, 12, 0.95),
)


def college_organisations(start: date) -> tuple[Organisation, ...]:
    """A committee, two general branches, five branches."""
    since = start - timedelta(days=_LONG_AGO)
    return (
        Organisation(_COLLEGE, "", "明德学院党委", "committee", since),
        Organisation("o-staff", _COLLEGE, "教工党总支", "general_branch", since),
        Organisation("o-student", _COLLEGE, "学生党总支", "general_branch", since),
        *(Organisation(b.org_id, b.parent_id, b.name, "branch", since) for b in _BRANCHES),
    )


def college_members(seed: int, start: date, days: int, messiness: Messiness) -> tuple[Person, ...]:
    """43 staff and 26 students, with the dated changes that reports have to get right.

    One branch is hardly active; two members never begin; one is mobile, one retired; one moves to another
    branch in the middle of the term; one probationary member becomes full; one joins in the last week.
    """
    people: list[Person] = []
    pool = names(seed)
    since = start - timedelta(days=_LONG_AGO)
    for branch in _BRANCHES:
        for place in range(branch.staff + branch.students):
            category = "staff" if place < branch.staff else "student"
            role = {0: "branch_secretary", 1: "organisation_officer", 2: "committee_member"}.get(place, "member")
            index = len(people)
            joined = since + timedelta(days=seeded(seed, "joined", index).randrange(0, _LONG_AGO - 200))
            people.append(
                Person(
                    index=index,
                    member_id=member_id(seed, index),
                    name=next(pool),
                    category=category,
                    memberships=(Membership(branch.org_id, role, "full", joined),),
                    traits=draw_traits(seed, index, messiness),
                    activity=branch.activity,
                )
            )
    middle, last_week = start + timedelta(days=days // 2), start + timedelta(days=max(0, days - 5))

    def nth(org_id: str, place: int) -> int:
        return [p.index for p in people if p.memberships[0].org_id == org_id][place]

    def change(index: int, *memberships: Membership, activity: float | None = None) -> None:
        old = people[index]
        people[index] = Person(
            *(old.index, old.member_id, old.name, old.category, memberships or old.memberships, old.traits),
            activity=old.activity if activity is None else activity,
        )

    def since_of(index: int) -> date:
        return people[index].memberships[0].valid_from

    change(nth("o-engineering", 9), activity=0.0)
    change(nth("o-undergraduate", 13), activity=0.0)
    mobile = nth("o-humanities", 8)
    change(mobile, Membership("o-humanities", "member", "mobile", since_of(mobile)))
    retired = nth("o-office", 11)
    change(retired, Membership("o-office", "member", "retired", since_of(retired)), activity=0.5)
    moving = nth("o-office", 6)
    change(
        moving,
        Membership("o-office", "member", "full", since_of(moving), middle),
        Membership("o-humanities", "member", "full", middle),
        activity=1.3,
    )
    for place in (9, 10):
        turning = nth("o-undergraduate", place)
        turned = start + timedelta(days=round(days * (0.4 + 0.1 * (place - 9))))
        change(
            turning,
            Membership("o-undergraduate", "member", "probationary", turned - timedelta(days=365), turned),
            Membership("o-undergraduate", "member", "full", turned),
        )
    for org_id, place in (("o-undergraduate", 11), ("o-undergraduate", 12), ("o-postgraduate", 10)):
        index = nth(org_id, place)
        change(index, Membership(org_id, "member", "probationary", start - timedelta(days=120)))
    change(nth("o-postgraduate", 12), Membership("o-postgraduate", "member", "full", last_week), activity=1.5)
    return tuple(people)


def college_exemptions(start: date, days: int, members: Sequence[Person]) -> tuple[Exemption, ...]:
    """The retired member, until further notice, and one member for some weeks. Why is nobody's business."""
    retired = [p for p in members if p.memberships[-1].status == "retired"]
    some_weeks = next(p for p in reversed(members) if p.category == "staff" and len(p.memberships) == 1)
    middle = start + timedelta(days=days // 3)
    return (
        *(Exemption(p.member_id, start) for p in retired),
        Exemption(some_weeks.member_id, middle, middle + timedelta(days=45)),
    )


def tree(branches: int, start: date) -> tuple[Organisation, ...]:
    """A committee over general branches of at most twenty branches each."""
    since = start - timedelta(days=_LONG_AGO)
    groups = -(-branches // 20)
    return (
        Organisation("o-0", "", "示范大学党委", "committee", since),
        *(Organisation(f"o-g{g:04d}", "o-0", f"第{g + 1}党总支", "general_branch", since) for g in range(groups)),
        *(
            Organisation(f"o-b{b:05d}", f"o-g{b // 20:04d}", f"第{b + 1}党支部", "branch", since)
            for b in range(branches)
        ),
    )


def tree_members(seed: int, members: int, branches: int, start: date, messiness: Messiness) -> tuple[Person, ...]:
    """``members`` spread evenly over ``branches``; 38 % students; branches differ in how active they are."""
    pool = names(seed)
    since = start - timedelta(days=_LONG_AGO)
    activity = [seeded(seed, "branch", b).lognormvariate(0.0, 0.2) for b in range(branches)]
    people: list[Person] = []
    for index in range(members):
        branch, place = index % branches, index // branches
        role = "branch_secretary" if place == 0 else "organisation_officer" if place == 1 else "member"
        people.append(
            Person(
                index=index,
                member_id=member_id(seed, index),
                name=next(pool),
                category="student" if place and (place * 38 + branch * 19) % 100 < 38 else "staff",
                memberships=(Membership(f"o-b{branch:05d}", role, "full", since),),
                traits=draw_traits(seed, index, messiness),
                activity=activity[branch],
            )
        )
    return tuple(people)
