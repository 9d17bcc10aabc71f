"""The one exception root. An error says what happened, where, and what to do about it."""

from __future__ import annotations


class XuejingError(Exception):
    """Root of every error this project raises on purpose.

    ``what`` is one sentence, ``where`` names the place (file and line, topic and offset, setting),
    ``hint`` says what the reader can do. They are joined for display and kept apart for logs.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def words(self, language: str) -> tuple[str, str]:
        """``what`` and ``hint`` in a language, ("", "") where the error knows English alone."""
        return (self.what, self.hint) if language == "en" else ("", "")

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(XuejingError):
    """A setting is missing, unknown or out of range."""


class InputError(XuejingError):
    """A file or table that a person gave can't be read as it is."""


class StoreError(XuejingError):
    """ClickHouse answered with an error; ``code`` is its exception code, 0 when it was not reached."""

    def __init__(self, what: str, *, code: int = 0, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code


class StoreUnavailable(StoreError):
    """The store can't be reached or asks to come back later: the same call may succeed if repeated."""


class DeliveryError(XuejingError):
    """Kafka did not acknowledge an event."""
