"""One declaration of what a principal may read, and what is generated from it for a ClickHouse server."""

from .declared import TABLE_RULES, VIEWS, Rule
from .filters import row_filter
from .server import Grantee, statements
from .users_config import users_config

__all__ = ["TABLE_RULES", "VIEWS", "Grantee", "Rule", "row_filter", "statements", "users_config"]
