"""The college's competence map, and where its organisations are: made up, like everything here."""

from __future__ import annotations

from producers.simulate.catalogue import Catalogue
from producers.simulate.model import Competence, Organisation, Place


def college_competences(catalogue: Catalogue) -> tuple[Competence, ...]:
    """Two wings of three competences, each shown by the knowledge points of courses of the bank; law as a course."""

    def points(course: str, *names: str) -> tuple[str, ...]:
        wanted = {f"k-{course}-{name}" for name in names}
        every = (k.knowledge_point_id for k in catalogue.knowledge_points if k.course_id == f"c-{course}")
        return tuple(point for point in every if not names or point in wanted)

    return (
        Competence("ideology", "", "思想道德", "Ideology and morality", expected=0.8),
        Competence("charter", "ideology", "党章党规", "Charter and rules", points("charter"), expected=0.8),
        Competence("history", "ideology", "党史国史", "History", points("history"), expected=0.75),
        Competence("conduct", "ideology", "道德与法治", "Ethics and law", points("ethics"), ("c-law",), expected=0.8),
        Competence("science", "", "科学技术", "Science and technology", expected=0.7),
        Competence(
            "innovation", "science", "科技创新", "Innovation", points("science", "spirit", "space", "deepsea"),
            expected=0.7,
        ),
        Competence("literacy", "science", "科学素养", "Scientific literacy", points("science", "ancient", "literacy")),
        Competence("security", "science", "网络与国家安全", "Security", points("security"), expected=0.7),
    )  # fmt: skip


_SEATS = {
    "o-college": ("39.9925", "116.3105"),
    "o-staff": ("39.9931", "116.3089"),
    "o-student": ("39.9902", "116.3131"),
    "o-office": ("39.9938", "116.3102"),
    "o-humanities": ("39.9919", "116.3076"),
    "o-engineering": ("39.9946", "116.3127"),
    "o-undergraduate": ("39.9893", "116.3119"),
    "o-postgraduate": ("39.9897", "116.3150"),
}


def college_places(organisations: tuple[Organisation, ...]) -> tuple[Place, ...]:
    """Seats on one campus."""
    return tuple(Place(o.org_id, *_SEATS[o.org_id]) for o in organisations if o.org_id in _SEATS)
