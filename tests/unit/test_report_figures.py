"""How numbers are written, in both languages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.figures import Figure, ratio, share, withheld
from reports.order import natural
from reports.text import Words, messages, note
from schemas.families.improvement import STEPS
from schemas.reference import Text
from tests.support.texts import CHINESE, chinese_in

ZH, EN = Words("zh"), Words("en")


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0 秒", "0 s"),
        (7.25, "7.2 秒", "7.2 s"),
        (59.4, "59 秒", "59 s"),
        (60, "1 分", "1 min"),
        (330, "5 分 30 秒", "5 min 30 s"),
        (3599.6, "1 小时", "1 h"),
        (45_296, "12 小时 35 分", "12 h 35 min"),
        (3_600_000, "1,000 小时", "1,000 h"),
    ],
)
def test_durations(seconds: float, zh: str, en: str) -> None:
    assert (ZH.duration(seconds), EN.duration(seconds)) == (zh, en)


@pytest.mark.parametrize("seconds", [59.5, 59.9, 3599.5, 3599.9, 7199.9])
def test_durations_never_show_sixty_of_a_smaller_unit(seconds: float) -> None:
    assert "60" not in EN.duration(seconds)


def test_small_shares_show_what_they_are_of() -> None:
    assert ZH.figure(share("accuracy", 18, 23)) == "78.3%（18/23）"
    assert EN.figure(share("accuracy", 18, 23)) == "78.3% (18/23)"
    assert EN.figure(share("accuracy", 18, 29)) == "62.1% (18/29)"
    assert EN.figure(share("accuracy", 18, 30)) == "60.0%"


def test_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263, method 3: 0.2553 to 0.3662.
    assert EN.interval(share("accuracy", 81, 263)) == "25.5–36.6%"
    assert EN.interval(share("accuracy", 0, 0)) == ""


def test_undefined_and_withheld_figures_are_marks_not_zeros() -> None:
    assert ZH.figure(share("accuracy", 0, 0)) == "—"
    assert ZH.figure(ratio("score_share", 1, 0)) == "—"
    assert ZH.figure(withheld("mean_study")) == "＊"
    assert EN.figure(withheld("mean_study")) == "*"
    assert withheld("mean_study").value is None


def test_counts_points_and_indices() -> None:
    assert EN.figure(Figure("events", 12_424)) == "12,424"
    assert EN.figure(Figure("exam_score", 78.5, n=100)) == "78.5 / 100"
    assert EN.figure(Figure("regularity", 0.654)) == "0.65"


def test_dates_and_moments() -> None:
    assert ZH.value(date(2026, 3, 9)) == "2026年3月9日"
    assert EN.value(date(2026, 3, 9)) == "9 Mar 2026"
    assert EN.value(datetime(2026, 3, 9, 8, 5, tzinfo=UTC)) == "9 Mar 2026 08:05"


@pytest.mark.parametrize("key", messages())
def test_every_message_is_in_both_languages_with_the_same_values(key: str) -> None:
    from string import Formatter

    text = messages()[key]
    assert text.zh.strip()
    assert text.en.strip()
    zh, en = ({name for _, name, _, _ in Formatter().parse(t) if name} for t in text)
    assert zh == en
    if key != "report.other_language":
        assert not chinese_in(text.en)


def test_messages_in_chinese_are_chinese() -> None:
    latin = {"report.other_language", "report.other_language_code", "figure.fraction", "chart.up_to"}
    assert [k for k, t in messages().items() if not CHINESE.search(t.zh) and k not in latin] == []


def test_an_unknown_message_says_where_messages_are() -> None:
    with pytest.raises(ReportError, match=r"messages\.toml"):
        ZH("member.motto")


def test_notes_are_worded_when_shown() -> None:
    given = note(
        "advice.topic",
        topic=Text("纪律", "discipline"),
        course=Text("党章", "Charter"),
        accuracy=share("topic_accuracy", 2, 8),
    )
    assert "“纪律”（党章）正确率 25.0%（2/8）" in ZH.note(given)
    assert "“discipline” (Charter): 25.0% (2/8)" in EN.note(given)


def test_english_words_go_with_their_number() -> None:
    values = {"study": Figure("study_seconds", 60), "graded": Figure("graded", 1), "correct": Figure("correct", 1)}
    one = EN(
        "member.summary",
        days=Figure("active_days", 1),
        sessions=Figure("sessions", 2),
        answers=Figure("answers", 1),
        **values,
    )
    assert one.startswith("Study or answers on 1 day: 1 min of study in 2 sessions; 1 answer,")
    assert "1 week, 1 min in all" in EN("chart.weeks_desc", weeks="1", total="1 min")


def test_every_message_is_used() -> None:
    folders = [Path(__file__).resolve().parents[2] / name for name in ("reports", "web")]
    source = "".join(p.read_text("utf-8") for f in folders for p in f.rglob("*") if p.suffix in (".py", ".j2"))
    states = {f"improve.{step.code}" for step in STEPS}
    stems = (
        "section.",
        "group.life_",
        "group.unit_seal",
        "group.head_sign",
        "group.clerk_sign",
        "group.date_sign",
        "group.phone",
        "chart.month_",
        "member.state_",
        "followed.",
        "changes.",
    )
    unused = [k for k in messages() if f'"{k}"' not in source and not k.startswith(stems) and k not in states]
    assert unused == []
    sections = [k.removeprefix("section.") for k in messages() if k.startswith("section.")]
    assert [s for s in sections if f'"{s}"' not in source and f'"section.{s}"' not in source] == []


def test_ids_are_ordered_as_people_count() -> None:
    assert sorted(["b10", "b2", "b1", "a", "B1"], key=natural) == ["B1", "a", "b1", "b2", "b10"]
    assert sorted(["10", "9", "x"], key=natural) == ["9", "10", "x"]
    assert natural("a" * 30 + "9" * 40) != natural("a" * 30 + "9" * 41)
