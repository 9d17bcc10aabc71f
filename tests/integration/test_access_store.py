"""Principals in the store: their tokens, expiry and revocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.access import AccessError
from schemas.errors import InputError
from sinks.access import Access
from sinks.client import Store
from tests.support.loaded import load
from tests.support.world import reference


class Clock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(store: Store, clock: Clock) -> Access:
    load(store, [], reference(1), "Asia/Shanghai")
    return Access(store, clock, seconds=clock.seconds)


def test_a_token_is_accepted_until_it_expires(access: Access, clock: Clock) -> None:
    made = access.create("operator", by="os:root", lifetime=timedelta(days=1), label="laptop")
    assert access.authenticate(made.token) == made.principal == access.get(made.principal.principal_id)
    clock.now += timedelta(days=1)
    assert access.authenticate(made.token) is None
    assert access.principals() == [made.principal]


def test_a_revoked_token_is_refused_at_once_here_and_soon_elsewhere(access: Access, clock: Clock) -> None:
    made = access.create("operator", by="os:root")
    elsewhere = Access(access.store, clock, seconds=clock.seconds)
    assert elsewhere.authenticate(made.token)
    revoked = access.revoke(made.principal.principal_id)
    assert revoked.revoked_at == clock.now
    assert access.authenticate(made.token) is None
    clock.now += timedelta(seconds=6)
    assert elsewhere.authenticate(made.token) is None
    assert access.revoke(made.principal.principal_id) == revoked  # the moment stays that of the first time
    # Nothing was overwritten.
    assert [p.revoked_at for p in access.principals(all_versions=True)] == [None, revoked.revoked_at]


def test_no_secret_is_stored(access: Access) -> None:
    made = access.create("operator", by="os:root")
    stored = str(access.store.rows("SELECT * FROM principals"))
    assert made.principal.principal_id in stored
    assert made.token.rsplit("_", 1)[1] not in stored


def test_strangers_are_nobody(access: Access) -> None:
    made = access.create("operator", by="os:root")
    wrong = made.token[:-1] + ("0" if made.token[-1] != "0" else "1")
    for token in (wrong, "xj_" + "0" * 16 + "_" + "0" * 64, "", "'; DROP TABLE principals"):
        assert access.authenticate(token) is None
    with pytest.raises(InputError, match="no principal"):
        access.revoke("nobody")


def test_a_scope_is_a_place_of_the_roster(access: Access) -> None:
    organisations = access.store.rows("SELECT org_id, kind FROM v_organisations ORDER BY org_id")
    kinds = {str(kind): str(org) for org, kind in organisations}
    access.create("branch_secretary", by="os:root", node=kinds["branch"])
    access.create("committee_analyst", by="os:root", node=kinds["committee"])
    with pytest.raises(InputError, match="belongs to branch"):
        access.create("branch_secretary", by="os:root", node=kinds["committee"])
    with pytest.raises(InputError, match="not in the roster"):
        access.create("committee_analyst", by="os:root", node="nowhere")
    with pytest.raises(InputError, match="not in the roster"):
        access.create("member", by="os:root", member_id="nobody")
    ((member,),) = access.store.rows("SELECT min(member_id) FROM v_members")
    assert access.create("member", by="os:root", member_id=member).principal.member_id == member


def test_a_scope_that_is_not_understood_is_none(access: Access) -> None:
    made = access.create("committee_analyst", by="os:root", node=_any(access))
    access.store.command(
        "INSERT INTO principals SELECT * REPLACE ('emperor' AS role, version + 1 AS version) FROM principals"
    )
    with pytest.raises(AccessError, match="no role"):
        access.authenticate(made.token)


def _any(access: Access) -> str:
    ((node,),) = access.store.rows("SELECT min(org_id) FROM v_organisations")
    return str(node)
