"""Errors in Chinese. They are raised in English, with values filled in; here is what each says.

``{}`` stands for a value; in the Chinese text ``{0}`` is the first of them. A test holds the list complete.
"""

from __future__ import annotations

import re
from functools import cache

from schemas.errors import XuejingError

from .messages_access import ACCESS, DETAILS
from .messages_collector import COLLECTOR
from .messages_improve import IMPROVE
from .messages_rights import RIGHTS
from .messages_schedule import SCHEDULE
from .messages_web import WEB

ZH: dict[str, str] = {
    # the dashboard
    "the dashboard needs the package {}": "看板需要安装 {0}",
    "pip install 'xuejing[web]'": "pip install 'xuejing[web]'",
    "the dashboard can't listen: {}": "看板无法监听：{0}",
    "choose another --port": "请用 --port 换一个端口",
    "the dashboard did not start": "看板没有启动",
    "there is no period {}": "没有时段 {0}",
    "a page is about {} days at most": "一页最多 {0} 天",
    "a course's id has at most 64 characters": "课程编号最多 64 个字符",
    # commands
    "no such file": "文件不存在",
    "check the name, and the folder it is in": "请检查文件名与所在文件夹",
    "exists and was not made by an earlier run": "已存在，且不是先前运行所写",
    "choose another --out": "请用 --out 换一个位置",
    "something writes to the store all the time": "一直有程序在写入存储",
    "let imports and rebuilds end, then repeat": "等导入或重建结束后再试",
    "the backup is damaged: {}": "备份已损坏：{0}",
    "nothing was restored; use another one": "未恢复任何内容；请换一份备份",
    "there is something already": "目标已存在",
    "name a file or folder to be made": "请指定一个尚不存在的文件或文件夹",
    "there is no such folder": "文件夹不存在",
    "there is no such backup": "没有这份备份",
    "the backup was made by a newer program": "备份由更新版本的程序所写",
    "update this one first": "请先更新本程序",
    "there is a store already, and it is not overwritten": "此处已有存储，不会覆盖",
    "restore beside it with --data OTHER, or move it away first": "用 --data 恢复到别处，或先将其移走",
    "rows are missing after the restore: {}": "恢复后缺行：{0}",
    "nothing was kept": "未保留任何内容",
    "only the embedded store is backed up here": "此命令只备份嵌入式存储",
    "only the embedded store is restored here": "此命令只恢复嵌入式存储",
    "on servers use BACKUP DATABASE or clickhouse-backup, see docs/operations.md": (
        "服务器请用 BACKUP DATABASE 或 clickhouse-backup，见 docs/operations.md"
    ),
    "the backup is restored as it was, but {} figures differ from the archive": "备份已原样恢复，但有 {0} 处与存档不符",
    "xuejing reconcile lists them; xuejing rebuild makes them good": "xuejing reconcile 可列出，xuejing rebuild 可修复",
    "this is no backup of ours, or its manifest is gone": "这不是本程序的备份，或清单已丢失",
    "made by `xuejing backup`": "应由 `xuejing backup` 写出",
    "the backup is left as it is": "备份未被改动",
    "there are no answers": "没有答题记录",
    "there is no store yet": "尚无存储",
    "run `xuejing up` or `xuejing demo`, or name another folder with --data": (
        "运行 `xuejing up` 或 `xuejing demo`，或用 --data 指定其他文件夹"
    ),
    "{} is no language of ours": "不支持语言 {0}",
    "no table of the {} found": "没有找到所需的表（{0}）",
    "there is no format {}": "没有格式 {0}",
    "text or json": "text 或 json",
    "no event of member {} is archived": "存档中没有成员 {0} 的事件",
    "the import is stored, but its branches could not be told: {}": "导入已保存，但未能通知支部：{0}",
    "when Kafka answers again: xuejing import resume (a worker that starts does it too)": (
        "Kafka 恢复后运行 xuejing import resume（worker 启动时也会补做）"
    ),
    "there is no member category {}": "没有成员类别 {0}",
    "{} has no column {}": "{0} 没有列 {1}",
    "{} is binary and does not belong on a terminal": "{0} 是二进制格式，不能输出到终端",
    "use --out FILE or a pipe": "请用 --out 文件或管道",
    "can't write: {}": "无法写入：{0}",
    "the workers did not catch up within an hour": "worker 一小时内没有处理完积压",
    "see xuejing doctor; then repeat": "见 xuejing doctor，然后重试",
    "{} differences": "{0} 处差异",
    "see docs/operations.md, reconcile": "见 docs/operations.md 的 Reconcile 一节",
    "there is no reason {}": "没有原因 {0}",
    "there are {}": "可选：{0}",
    "a withdrawal needs a reason": "撤回须写明理由",
    "--reason TEXT": "--reason 理由",
    "no such event in the archive": "存档中没有此事件",
    "if it is still to come, add --member": "若尚未到达，请加 --member",
    "several members have an event of this id": "多名成员有此编号的事件",
    "add --member": "请加 --member",
    "{} is not a UUID": "{0} 不是 UUID",
    "{} is not a date": "{0} 不是日期",
    "write YYYY-MM-DD, e.g. 2026-03-31": "请写成 YYYY-MM-DD，例如 2026-03-31",
    "raw_days must be at least {}, not {}": "raw_days 至少为 {0}，不能是 {1}",
    "the worker ended with status {}: {}": "worker 已退出，状态 {0}：{1}",
    "no broker is configured and none is running": "没有配置消息服务，也没有正在运行的",
    "run `xuejing up`, or set XUEJING_KAFKA_BOOTSTRAP": "运行 `xuejing up`，或设置 XUEJING_KAFKA_BOOTSTRAP",
    "no probe came through within {} s": "{0} 秒内没有探针走完全程",
    "is a worker running?": "worker 在运行吗？",
    "metrics can't be served: {}": "无法提供指标：{0}",
    "set another metrics_port": "请换一个 metrics_port",
    "one report is compared at a time": "一次只比较一份报告",
    "name a member or an organisation": "请指定成员或组织",
    "{} was not in the roster at that moment": "那时名册中没有 {0}",
    "{} is no moment": "{0} 不是时刻",
    "write 2026-03-31, 2026-03-31T18:00 or with +08:00": "请写成 2026-03-31、2026-03-31T18:00，或带 +08:00",
    "{} has not come yet": "{0} 尚未到来",
    "a moment that was not issued is computed on the embedded engine, which is not installed": (
        "未印发过的时刻须在嵌入式引擎上重算，而它没有安装"
    ),
    "there were no figures yet at that moment": "那时尚无指标",
    "raw events before {} have been dropped since, so that what was known at that moment can't be computed": (
        "{0} 之前的原始事件此后已按保存期删除，无法再算出那时所知的情况"
    ),
    "only reports that were issued can be made again: xuejing reports list": (
        "只有印发过的报告可以重现：xuejing reports list"
    ),
    "the data of version {} were erased": "第 {0} 版的数据已被删除",
    "a later version stands for it: xuejing reports list": "已由其后的版本代替：xuejing reports list",
    "what the report was made from is missing or damaged": "报告所依据的数据缺失或损坏",
    "restore the store from a backup": "请从备份恢复存储",
    "{} is about events that are not shown here": "{0} 所查的事件在此未启用",
    "add {} to the setting families": "请在设置 families 中加入 {0}",
    "another process is issuing reports": "另一进程正在印发报告",
    "let it finish, then issue again": "请待其结束，再行印发",
    "version {} of the report was issued meanwhile by another process": "报告的第 {0} 版已由另一进程印发",
    "issue it again: it becomes the next version": "请再次印发：将成为下一版",
    "there is no reason {} for an issue": "没有印发原因 {0}",
    "update or correction": "update 或 correction",
    # producers
    "not delivered: {}": "未送达：{0}",
    "no acknowledgement within {} s": "{0} 秒内没有确认",
    "the embedded broker is not installed": "没有安装嵌入式消息服务",
    "pip install 'xuejing[embedded]', or set a bootstrap address of Apache Kafka": (
        "pip install 'xuejing[embedded]'，或设置 Apache Kafka 的地址"
    ),
    "the embedded broker has no binary for this platform: {}": "嵌入式消息服务不支持本平台：{0}",
    "Linux and macOS have one; elsewhere use Apache Kafka": "支持 Linux 与 macOS；其他平台请用 Apache Kafka",
    "another broker already answers there": "该端口已有消息服务在应答",
    "choose another port": "请换一个端口",
    "the broker ended with status {}: {}": "消息服务已退出，状态 {0}：{1}",
    "is the port free?": "端口是否空闲？",
    "no answer within {} s": "{0} 秒内没有应答",
    "can't be read: {}": "无法读取：{0}",
    "can't be decompressed or read: {}": "无法解压或读取：{0}",
    "not a security setting": "不是安全设置",
    "is the broker up, and the address right?": "Kafka 是否在运行、地址是否正确？",
    "the topic has {} partitions, not {}": "主题有 {0} 个分区，而不是 {1} 个",
    "the partition count is fixed for a generation: use the existing count or a new topic": (
        "请沿用现有分区数，或换一个新主题（见 docs/operations.md）"
    ),
    "no answer about the end of {}": "没有得到 {0} 末尾位置的应答",
    "there is no such topic": "没有这个主题",
    "create it first": "请先创建",
    "the producer is closed": "生产者已关闭",
    "nothing to send": "没有可发送的内容",
    "{} messages were not delivered; the first (key {}): {}": "{0} 条消息未送达；第一条（键 {1}）：{2}",
    "a line holds a line break": "行内有换行符",
    "one event, one line": "一个事件占一行",
    "an event of {} bytes is over the limit of {}": "事件有 {0} 字节，超过上限 {1}",
    "raise max_message_bytes here and max.message.bytes of the topic": (
        "请调大此处的 max_message_bytes 与主题的 max.message.bytes"
    ),
    "{} messages wait for {} s unacknowledged": "{0} 条消息等待确认已 {1} 秒",
    "is the broker up?": "Kafka 是否在运行？",
    "{} messages are not acknowledged after {} s": "{0} 条消息在 {1} 秒后仍未确认",
    "{} is {}, at least {} is needed": "{0} 为 {1}，至少需要 {2}",
    # schemas
    "{} lines were read, {} are archived, repeated or rejected": "读入 {0} 行，存档、重复与被拒合计 {1} 行",
    "run it again with --keep and look at the table `ledger`": "请加 --keep 再运行一次，查看表 `ledger`",
    "the intervals give {}, {} {} and {} sessions": "各区间得 {0}，{1} 得 {2}，{3} 次学习",
    "the archive gives {}, member_day has {}": "存档得 {0}，member_day 为 {1}",
    "the archive gives {}, the table answers has {}": "存档得 {0}，answers 表为 {1}",
    "is a worker behind? wait until it has caught up; else run `xuejing reconcile`": (
        "worker 是否有积压？等它处理完再试；否则运行 `xuejing reconcile`"
    ),
    # formats of reports
    "PDF and Word need the Python package typst: {}": "PDF 和 Word 需要 Python 包 typst：{0}",
    "Word needs the Python package python-docx: {}": "Word 需要 Python 包 python-docx：{0}",
    "no font for Chinese is installed, so PDF and Word can't be made": "没有安装中文字体，无法生成 PDF 和 Word",
    "Debian, Ubuntu: apt-get install fonts-noto-cjk; Windows and macOS bring fonts": (
        "Debian、Ubuntu 请执行 apt-get install fonts-noto-cjk；Windows 和 macOS 自带字体"
    ),
    "typesetting failed: {}": "排版失败：{0}",
    "a chart has no size, title or description": "图缺少尺寸、标题或说明",
    "use charts.svg.figure": "请用 charts.svg.figure 生成",
    "the page has no <main>": "页面没有 <main>",
    "only whole pages of reports can be printed": "只能打印完整的报告页面",
    "a page holds <{}>, which printed documents don't know": "页面含有打印版式不认识的 <{0}>",
    "teach reports/formats/from_page.py, or write the template with known elements": (
        "请在 reports/formats/from_page.py 中补充，或在模板中改用已有元素"
    ),
    # reports
    "a report is about one course or one exam": "一份报告只针对一门课程或一场考试",
    "give one": "请只给出一个",
    "{} is not known": "不认识 {0}",
    "use {}, joined by commas": "可用 {0}，以逗号分隔",
    "member {} is not in the roster and has no records": "名册中没有成员 {0}，也没有其记录",
    "`xuejing query members` lists who there is": "用 `xuejing query members` 查看有哪些成员",
    "{} {} is neither in the catalogue nor in the data": "目录和数据中都没有 {0} {1}",
    "`xuejing query questions` lists what there is": "用 `xuejing query questions` 查看有哪些",
    "the period ends on {}, before it begins on {}": "时段的结束（{0}）早于开始（{1}）",
    "swap them": "请对调",
    "no language or no format was asked for": "没有指定语言或格式",
    "message {} does not exist": "没有文案 {0}",
    "organisation {} is not in the roster of the period": "该时段的名册中没有组织 {0}",
    "`xuejing query organisations` lists what there is": "用 `xuejing query organisations` 查看有哪些组织",
    "time zone {} is not known": "没有时区 {0}",
    "use an IANA name, e.g. Asia/Shanghai": "请用 IANA 名称，如 Asia/Shanghai",
    "the file does not exist": "文件不存在",
    "named by {}CONFIG": "由 {0}CONFIG 指定",
    "{} must be text, not {}": "{0} 应为文本，不能是 {1}",
    "{} must be one of {}, not {}": "{0} 应为 {1} 之一，不能是 {2}",
    "unknown setting {}": "没有设置项 {0}",
    "see docs/settings.md": "见 docs/settings.md",
    "{} must be a number, not {}": "{0} 应为数字，不能是 {1}",
    "{} must be {}, not {}": "{0} 应为 {1}，不能是 {2}",
    "{} must be at most {}, not {}": "{0} 至多为 {1}，不能是 {2}",
    "{} must be at least {}, not {}": "{0} 至少为 {1}，不能是 {2}",
    "not valid TOML: {}": "不是有效的 TOML：{0}",
    "{} must be a whole number, not {}": "{0} 应为整数，不能是 {1}",
    "the issued report was made without {}, which this version of the program asks for": (
        "印发时没有读取 {0}，而本版程序需要它"
    ),
    "use the version that issued it (xuejing reports list names it)": (
        "请用印发它的程序版本（见 xuejing reports list）"
    ),
    # sinks
    "{} is not an address of ClickHouse": "{0} 不是 ClickHouse 的地址",
    "the address of ClickHouse holds a password": "ClickHouse 的地址里含有密码",
    "set clickhouse_password instead": "请改用设置 clickhouse_password",
    "use http://host:8123": "应形如 http://主机:8123",
    "{} can't be reached: {}": "{0} 无法连接：{1}",
    "is it running? see: xuejing doctor": "是否在运行？见 xuejing doctor",
    "the data directory's name has one of ? & # %": "数据文件夹的名称含有 ? & # % 之一",
    "the engine did not start: {}": "引擎没有启动：{0}",
    "another engine process has this data directory open": "另一引擎进程占用着此数据文件夹",
    "another engine process has this data directory open (process {})": "另一引擎进程（{0}）占用着此数据文件夹",
    "stop that process, connect to it instead, or choose another directory": "请结束该进程、连接到它，或换一个文件夹",
    "the engine ended with status {} while starting": "引擎启动时退出，状态 {0}",
    "see engine.log there": "见该处的 engine.log",
    "the engine did not answer within {} s": "引擎在 {0} 秒内没有应答",
    "port {} can't be opened: {}": "无法打开端口 {0}：{1}",
    "choose another port, or 0 for a free one": "请换一个端口，或用 0 自动选择",
    "two migrations have one number": "两个迁移编号相同",
    "the store has migration {}, this program knows {}": "存储的结构版本是 {0}，本程序只到 {1}",
    "update the program before you use this store": "请先更新程序再使用此存储",
    "the store has no generation of metrics yet": "存储中还没有指标",
    "start a worker, or run `xuejing migrate`": "启动 worker，或运行 `xuejing migrate`",
    "the store's days are those of {}, the setting is {}": "存储按 {0} 分日，设置为 {1}",
    "set it to {}, or use another store": "请设为 {0}，或换一个存储",
    "the store's figures were computed with other thresholds": "存储中的指标按其他阈值计算",
    "theirs: {}; these: {}": "存储：{0}；本程序：{1}",
    "{} gave columns {}, declared are {}": "{0} 给出的列是 {1}，声明的是 {2}",
    "organisation {} is not in the roster or not below {}": "名册中没有组织 {0}，或它不在 {1} 之下",
    "organisation {} is not one that the member belongs to, or above it": "{0} 不是成员所属的组织，也不在其上",
    "not valid credit rules: {}": "学时规则无效：{0}",
    "schemas/credit.toml shows the form": "格式见 schemas/credit.toml",
    "there is no [[rules]] in it": "其中没有 [[rules]]",
    "versions {} and {} are valid on the same day": "版本 {0} 与 {1} 在同一天都有效",
    "end the earlier one with valid_to": "请用 valid_to 结束较早的一个",
    "two versions have the same name": "两个版本同名",
    "each needs a name of its own": "每个版本须有自己的名称",
    "the credit rules can't be read: {}": "学时规则无法读取：{0}",
    "setting credit_rules": "设置 credit_rules",
    "there is no family of events {}": "没有事件族 {0}",
    "{} is no kind of session": "没有活动类型 {0}",
    "{} is none of the {}": "{1} 中没有 {0}",
    "version {} ends before it begins": "版本 {0} 的结束早于开始",
    "valid_from, valid_to": "valid_from、valid_to",
    "the period ends ({}) before it begins ({})": "时段的结束（{0}）早于开始（{1}）",
    **SCHEDULE,
    **WEB,
    **RIGHTS,
    **ACCESS,
    **IMPROVE,
    **COLLECTOR,
}

OF_THE_SYSTEM = {
    "No such file or directory": "没有这个文件或文件夹",
    "Permission denied": "没有权限",
    "Operation not permitted": "不允许此操作",
    "Is a directory": "是文件夹，不是文件",
    "Not a directory": "路径中有一段不是文件夹",
    "File exists": "已存在",
    "Directory not empty": "文件夹不为空",
    "No space left on device": "磁盘已满",
    "Disk quota exceeded": "超出磁盘配额",
    "Read-only file system": "文件系统只读",
    "File name too long": "文件名过长",
    "Too many open files": "打开的文件过多",
    "Input/output error": "读写出错",
    "Connection refused": "连接被拒绝",
    "Address already in use": "地址已被占用",
}
"""Words of the operating system, as Python passes them on; others stay as they are."""


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    # The longest first: a text that is a whole message must not pass for another with a hole.
    return [
        (re.compile("(.+?)".join(re.escape(part) for part in english.split("{}")), re.DOTALL), chinese)
        for english, chinese in sorted(ZH.items(), key=lambda pair: (pair[0].count("{}"), -len(pair[0])))
    ]


def chinese(text: str) -> str:
    """The text in Chinese; as it is where the list lacks it (words of Kafka, ClickHouse, the system)."""
    for pattern, template in _patterns():
        if found := pattern.fullmatch(text):
            return template.format(*map(_value, found.groups()))
    return text


def _value(text: str) -> str:
    details = text.split(", ")
    if all(detail in DETAILS for detail in details):
        return "、".join(DETAILS[detail] for detail in details)
    return OF_THE_SYSTEM.get(text, text)


def words(error: XuejingError, language: str) -> tuple[str, str]:
    """What happened and what to do, in a language."""
    what, hint = error.words(language)
    return (what, hint) if what else (chinese(error.what), chinese(error.hint))


def sentence(error: XuejingError, language: str) -> str:
    """What a person reads about an error: one line, in their language."""
    if language != "zh":
        return f"error: {error}"
    what, hint = words(error, language)
    text = f"{error.where}：{what}" if error.where else what
    return f"错误：{text}（{hint}）" if hint else f"错误：{text}"


def system(error: OSError, language: str) -> str:
    """The same for a file that can't be read or written."""
    where = f"{error.filename}: " if error.filename else ""
    text = error.strerror or str(error)
    if language != "zh":
        return f"error: {where}{text}"
    where = f"{error.filename}：" if error.filename else ""
    return f"错误：{where}{OF_THE_SYSTEM.get(text, text)}"
