"""What ``doctor`` finds out about the stream: topics, lag, partitions that do not move, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass

from producers.kafka_admin import BrokerUnavailable, committed_offsets, lag, topic_partitions
from schemas.settings import Settings

BEHIND = 10_000
"""Messages; fewer are a moment's work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: ``state`` is ok, warn or fail; ``hint`` says what to do."""

    part: str
    state: str
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Chooses the text of a language."""

    language: str

    def __call__(self, zh: str, en: str) -> str:
        """One of the two."""
        return zh if self.language == "zh" else en


def broker(settings: Settings, say: Say) -> list[Finding]:
    """Whether Kafka answers, and whether the topics are there with the partitions of the settings."""
    names = [settings.events_topic, settings.contributions_topic]
    try:
        counts = topic_partitions(settings.kafka_bootstrap, names, security=settings.kafka_security(), timeout=5)
    except BrokerUnavailable as error:
        return [Finding("kafka", "fail", f"{error.where}: {error.what}", error.hint)]
    found = [Finding("kafka", "ok", settings.kafka_bootstrap)]
    for name in names:
        if name not in counts:
            text = say("主题不存在", "the topic does not exist")
            hint = say("启动 worker：它会创建主题", "start a worker: it creates its topics")
            found.append(Finding(name, "fail", text, hint))
        elif counts[name] != settings.partitions:
            text = say(f"{counts[name]} 个分区，设置为 {settings.partitions}",
                       f"{counts[name]} partitions, the setting is {settings.partitions}")  # fmt: skip
            hint = say(f"把 partitions 设为 {counts[name]}；要改分区数，见 docs/operations.md",
                       f"set partitions to {counts[name]}; to change the number see docs/operations.md")  # fmt: skip
            found.append(Finding(name, "fail", text, hint))
    return found


def streams(settings: Settings, say: Say, observe: float) -> list[Finding]:
    """Lag of the group on both topics; partitions that are behind are watched for ``observe`` seconds."""
    names = [settings.events_topic, settings.contributions_topic]
    behind = {name: _lag(settings, name) for name in names}
    before = {name: _committed(settings, name) for name in names if sum(behind[name].values())}
    if before and observe:
        time.sleep(observe)
    found = []
    for name in names:
        stuck = []
        if name in before and observe:
            after, left = _committed(settings, name), _lag(settings, name)
            was = behind[name]
            stuck = [p for p, n in left.items() if n and was.get(p) and after.get(p) == before[name].get(p)]
            behind[name] = left
        found.append(_stream(name, behind[name], stuck, observe, say))
    return found


def messages_behind(settings: Settings) -> int:
    """Messages on both topics that the group has yet to finish. Raises BrokerUnavailable."""
    return sum(sum(_lag(settings, name).values()) for name in (settings.events_topic, settings.contributions_topic))


def _stream(name: str, behind: dict[int, int], stuck: list[int], observe: float, say: Say) -> Finding:
    total = sum(behind.values())
    if stuck:
        listed = ", ".join(f"{p} ({behind[p]})" for p in stuck)
        text = say(f"分区（积压）{listed} 在 {observe:g} 秒内没有推进",
                   f"partitions (messages behind) {listed} did not move for {observe:g} s")  # fmt: skip
        if len(stuck) == len([n for n in behind.values() if n]):
            hint = say("worker 在运行吗？看它的日志、store 一行与 /ready",
                       "does a worker run? see its log, the line `store`, and /ready")  # fmt: skip
        else:
            hint = say("有的分区仍在推进：看占有它的 worker 的日志；重启该 worker",
                       "others move: see the log of the worker that has it, then restart that worker")  # fmt: skip
        return Finding(name, "fail", text, hint)
    text = say(f"{len(behind)} 个分区，积压 {total} 条", f"{len(behind)} partitions, {total} messages behind")
    if total > BEHIND:
        worst = max(behind, key=lambda p: behind[p])
        hint = say(f"在推进；最多的是分区 {worst}。持续增长则增加 worker（至多 {len(behind)} 个）",
                   f"it moves; partition {worst} is furthest. It grows? add workers, up to {len(behind)}")  # fmt: skip
        return Finding(name, "warn", text, hint)
    return Finding(name, "ok", text)


def _lag(settings: Settings, topic: str) -> dict[int, int]:
    return lag(settings.kafka_bootstrap, settings.consumer_group, topic, security=settings.kafka_security())


def _committed(settings: Settings, topic: str) -> dict[int, int]:
    return committed_offsets(
        settings.kafka_bootstrap, settings.consumer_group, topic, security=settings.kafka_security()
    )
