"""Roles, principals and tokens as values."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.access import ROLES, Principal, matches, new_principal, new_token, token_id
from schemas.errors import InputError
from sinks.read import Scope

NOW = datetime(2026, 3, 1, tzinfo=UTC)

GIVEN: dict[str, dict[str, Any]] = {
    "member": {"member_id": "m1"},
    "branch_secretary": {"node": "b1"},
    "organisation_officer": {"node": "o1"},
    "committee_analyst": {"node": "c1"},
    "operator": {},
    "service": {"node": "c1", "detail": "named"},
}


def test_every_role_gives_its_scope() -> None:
    assert GIVEN.keys() == ROLES.keys()
    scopes = {name: Scope.of(new_principal("p", name, NOW, **given)) for name, given in GIVEN.items()}
    assert scopes == {
        "member": Scope.own("m1"),
        "branch_secretary": Scope("b1", "named"),
        "organisation_officer": Scope("o1", "named"),
        "committee_analyst": Scope("c1", "aggregate"),
        "operator": Scope.everything(),
        "service": Scope("c1", "named"),
    }


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("member", {}),
        ("member", {"node": "b1"}),
        ("member", {"member_id": "m1", "node": "b1"}),
        ("member", {"member_id": "m1", "detail": "named"}),
        ("branch_secretary", {}),
        ("branch_secretary", {"node": ""}),
        ("committee_analyst", {"node": "c1", "detail": "named"}),
        ("committee_analyst", {"node": "c1", "member_id": "m1"}),
        ("operator", {"node": "c1"}),
        ("service", {"detail": "own"}),
        ("emperor", {}),
        ("operator", {"lifetime": timedelta(0)}),
        ("operator", {"label": "a\nb"}),
    ],
)
def test_what_a_role_does_not_allow_is_refused(role: str, given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        new_principal("p", role, NOW, **given)


def test_a_service_has_the_scope_that_it_is_given_and_the_narrowest_without() -> None:
    assert Scope.of(new_principal("p", "service", NOW)) == Scope(None, "aggregate")
    assert Scope.of(new_principal("p", "service", NOW, detail="own", member_id="m1")) == Scope.own("m1")


def test_expiry_and_revocation() -> None:
    def active(at: datetime, **more: Any) -> bool:
        days = timedelta(days=7)
        made = new_principal("p", "operator", NOW, lifetime=days)
        return Principal(**{f: getattr(made, f) for f in made.__slots__} | more).active(at)

    assert active(NOW)
    assert active(NOW + timedelta(days=7, microseconds=-1))
    assert not active(NOW + timedelta(days=7))
    assert not active(NOW, revoked_at=NOW)
    assert new_principal("p", "operator", NOW).active(NOW + timedelta(days=36500))


def test_a_token_is_found_by_its_hash_alone() -> None:
    made = new_token()
    assert re.fullmatch(r"xj_[0-9a-f]{16}_[0-9a-f]{64}", made.text)
    assert token_id(made.text) == made.principal_id
    assert matches(made.text, made.hash)
    secret = made.text.rsplit("_", 1)[1]
    assert secret not in made.hash
    assert made.hash not in made.text
    assert new_token().text != made.text
    for other in (new_token().text, made.text[:-1], made.text + "0", made.text.upper(), "", made.hash):
        assert not matches(other, made.hash)


@pytest.mark.parametrize("text", ["", "xj_", "xj_0_1", "Bearer xj", "xj_" + "0" * 16 + "_" + "g" * 64, "\ud800"])
def test_what_is_no_token_names_nobody(text: str) -> None:
    assert token_id(text) is None
    assert not matches(text, "0" * 64)
