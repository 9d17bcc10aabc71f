"""The list of erased members in the store, for the stream and for imports."""

from __future__ import annotations

from collections.abc import Callable

from schemas.erased import Erased
from schemas.errors import ConfigError
from schemas.keyed import MemberKey

from .clickhouse import ClickHouseSink


class StoreErased:
    """``schemas.erased.ErasedSource`` on a store. One small query a call; the list is read again when it has grown."""

    def __init__(self, sink: ClickHouseSink, key: Callable[[], MemberKey]) -> None:
        """``key`` is asked only when somebody was erased: before that no secret is needed."""
        self.sink, self._key = sink, key
        self._count, self._current = 0, Erased()

    def current(self) -> Erased:
        """See ``ErasedSource``. Raises ConfigError when the secret is not the one that the list was made with: to go on
        would bring back who was erased."""
        ((count,),) = self._rows("SELECT uniqExact(member_key) FROM erasures")
        if count != self._count:
            rows = self._rows("SELECT DISTINCT member_key, key_check FROM erasures")
            key = self._key()
            if {str(check) for _, check in rows} != {key.check}:
                raise ConfigError(
                    "the secret is not the one with which members were erased",
                    where="member_key",
                    hint="all processes need the same: setting member_key, or the file member.key",
                )
            self._count, self._current = len({k for k, _ in rows}), Erased([str(k) for k, _ in rows], key.of)
        return self._current

    def _rows(self, sql: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = self.sink.patiently("erasures", lambda: self.sink.store.rows(sql))
        return found
