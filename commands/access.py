"""``xuejing access``: who may ask, with which token, and what a ClickHouse server lets them read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer
from rich.console import Console

from schemas.access import ROLES, Principal
from schemas.errors import ConfigError
from sinks.access import Access
from sinks.audit import Entry
from sinks.client import Store
from sinks.policy import Grantee, statements
from sinks.read.generations import active_generation

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .printing import FormatOption, OutOption, printed

app = typer.Typer(
    no_args_is_help=True,
    help="访问权限：令牌、角色与 ClickHouse 账户 · Who may ask: tokens, roles, users of a ClickHouse server.",
)
tokens = typer.Typer(no_args_is_help=True, help="发放、列出与收回令牌 · Create, list and revoke tokens.")
app.add_typer(tokens, name="token")

RoleName = Enum("RoleName", {name: name for name in ROLES}, type=str)  # type: ignore[misc]
DetailName = Enum("DetailName", {d: d for d in ("own", "named", "aggregate")}, type=str)  # type: ignore[misc]
DEFAULT_DAYS = 365
DETAILS = {"own": ("本人记录", "own records"), "named": ("具名", "by name"), "aggregate": ("汇总", "aggregates")}
"""Levels of detail in Chinese and English."""


@contextmanager
def _access(ctx: typer.Context) -> Iterator[tuple[Access, Store]]:
    with connected(contexts.of(ctx).settings) as store:
        yield Access(store), store


@tokens.command("create")
def create(
    ctx: typer.Context,
    role: Annotated[RoleName, typer.Argument(help="角色 · role; see `xuejing access roles`", show_default=False)],
    org: Annotated[
        str | None, typer.Option("--org", help="组织及其下级 · organisation that is seen, and what is below it")
    ] = None,
    member: Annotated[str | None, typer.Option("--member", help="成员本人 · whose own records are seen")] = None,
    detail: Annotated[
        DetailName | None,
        typer.Option(
            "--detail", help="详细程度，仅服务账号 · level of detail, of a service account", show_default=False
        ),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", help="有效天数，0 = 不过期 · days until it expires, 0 = never", min=0, max=36500)
    ] = DEFAULT_DAYS,
    label: Annotated[str, typer.Option("--label", help="备注，不写姓名 · a note, without names of persons")] = "",
) -> None:
    """发放令牌，只显示一次 · Make a principal and print its token, which is shown this once."""
    context = contexts.of(ctx)
    with _access(ctx) as (access, store):
        made = access.create(
            role.value,
            by=operator(),
            node=org,
            detail=detail.value if detail else None,
            member_id=member,
            lifetime=timedelta(days=days) if days else None,
            label=label,
        )
        said = f"{role.value} {made.principal.principal_id}"
        entry = Entry(operator(), "token_create", said, org_id=org or "", members=[member] if member else [])
        auditor(context.settings, store).record(entry)
        zone = ZoneInfo(active_generation(store).timezone)
    print(made.token)
    context.say(*_granted(made.principal, zone))
    context.say("令牌只显示这一次，请妥善交给使用者", "the token is shown this once; hand it over safely")


def _granted(principal: Principal, zone: ZoneInfo) -> tuple[str, str]:
    """What a new principal sees, in both languages: whoever makes it notices a slip before it is handed out."""
    if principal.member_id:
        whose_zh, whose_en = f"成员 {principal.member_id}", f"member {principal.member_id}"
    elif principal.node:
        whose_zh, whose_en = f"{principal.node} 及其下级", f"{principal.node} and what is below it"
    else:
        whose_zh, whose_en = "全部组织", "every organisation"
    detail_zh, detail_en = DETAILS[principal.detail]
    ends = f"{principal.expires_at.astimezone(zone):%F %H:%M}" if principal.expires_at else ""
    return (
        f"{ROLES[principal.role].title.zh} {principal.principal_id}：{whose_zh}，{detail_zh}，"
        + (f"{ends} 到期" if ends else "不过期"),
        f"{principal.role} {principal.principal_id}: {whose_en}, {detail_en}, "
        + (f"until {ends}" if ends else "does not expire"),
    )


@tokens.command("list")
def listing(
    ctx: typer.Context,
    history: Annotated[bool, typer.Option("--history", help="含每次变更 · every version of each")] = False,
    format_: FormatOption = None,
    out: OutOption = None,
) -> None:
    """列出令牌的范围与期限（不含令牌本身）· What each principal may see, and until when; never the tokens."""
    with _access(ctx) as (access, store):
        found, zone = access.principals(all_versions=history), ZoneInfo(active_generation(store).timezone)
    printed(contexts.of(ctx), _frame(found, datetime.now(UTC)), zone, format_, out)


@tokens.command("revoke")
def revoke(
    ctx: typer.Context,
    principal: Annotated[str, typer.Argument(help="编号，见 list · id, as list shows it", show_default=False)],
) -> None:
    """收回令牌 · Refuse a token from now on (a server that runs: within seconds)."""
    context = contexts.of(ctx)
    with _access(ctx) as (access, store):
        access.revoke(principal)
        auditor(context.settings, store).record(Entry(operator(), "token_revoke", principal))
    context.say("已收回，运行中的接口最迟 5 秒后拒绝", "revoked; an API that runs refuses it within five seconds")
    if not context.settings.embedded_store:
        context.say("ClickHouse 上的账户用 xuejing access sync 删除", "xuejing access sync removes its ClickHouse user")


@app.command("roles")
def roles(ctx: typer.Context) -> None:
    """列出角色及其可见范围 · The roles there are, and what each may see."""
    english = contexts.of(ctx).settings.language == "en"
    console = Console(highlight=False)
    for role in ROLES.values():
        title, text = (role.title.en, role.description.en) if english else (role.title.zh, role.description.zh)
        console.print(f"[bold]{role.name}[/]  {title}")
        console.print(f"    {text}", markup=False)


@app.command("sync")
def sync(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只打印 SQL · print the SQL and do nothing")] = False,
) -> None:
    """把令牌的范围写成 ClickHouse 的账户与行策略 · Give principals their users, row policies and limits on ClickHouse.

    The password of a user xj_ID is the token. Run it after tokens were made or revoked; again changes nothing.
    """
    context = contexts.of(ctx)
    settings = context.settings
    if settings.embedded_store and not dry_run:
        raise ConfigError(
            "the embedded engine has one user, its owner",
            where="clickhouse_url",
            hint="SQL for others needs a ClickHouse server; --dry-run prints what it would get",
        )
    with _access(ctx) as (access, store):
        grantees = [Grantee(p, h) for p, h in access.with_hashes()]
        wanted = list(
            statements(
                grantees,
                datetime.now(UTC),
                database=store.endpoint.database,
                cluster=store.cluster,
                k=settings.small_group,
                families=settings.shown_families,
            )
        )
        if dry_run:
            print("".join(f"{statement};\n" for statement in wanted), end="")
            return
        for statement in wanted:
            store.command(statement)
    users = sum(g.may(datetime.now(UTC)) for g in grantees)
    context.say(f"{users} 个账户已同步", f"{users} users are in step")


def _frame(found: list[Principal], now: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "id": p.principal_id,
                "role": p.role,
                "org": p.node or "",
                "member": p.member_id or "",
                "detail": p.detail,
                "state": "active" if p.active(now) else "revoked" if p.revoked_at else "expired",
                "expires": p.expires_at,
                "label": p.label,
                "created": p.created_at,
                "revoked": p.revoked_at,
            }
            for p in found
        ],
        schema={
            **dict.fromkeys(("id", "role", "org", "member", "detail", "state"), pl.String),
            "expires": pl.Datetime("us", "UTC"),
            "label": pl.String,
            "created": pl.Datetime("us", "UTC"),
            "revoked": pl.Datetime("us", "UTC"),
        },
    )
