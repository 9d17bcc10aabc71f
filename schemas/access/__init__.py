"""Who may see what: roles as they are declared, principals that have one, and the tokens that they come with."""

from .principal import AccessError, Detail, Kind, Principal, new_principal
from .roles import ROLES, Role, role
from .tokens import NewToken, matches, new_token, token_id

__all__ = [
    "ROLES",
    "AccessError",
    "Detail",
    "Kind",
    "NewToken",
    "Principal",
    "Role",
    "matches",
    "new_principal",
    "new_token",
    "role",
    "token_id",
]
