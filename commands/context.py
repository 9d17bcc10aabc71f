"""What every command gets: settings, their origin, and a console that keeps data and messages apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

import typer
from rich.console import Console

from schemas.errors import ConfigError, InputError
from schemas.settings import Settings, load

LANGUAGES = ("zh", "en")

messages = Console(stderr=True, highlight=False)
"""Messages go to stderr: stdout carries data only."""


@dataclass(frozen=True, slots=True)
class Context:
    """Settings of this call and where each came from."""

    settings: Settings
    origin: dict[str, str]

    def say(self, zh: str, en: str) -> None:
        """One line for the person at the terminal, in their language."""
        messages.print(zh if self.settings.language == "zh" else en, soft_wrap=True, markup=False)


_spoken = {"language": "zh"}


def language() -> str:
    """The language of this call, as far as it is known: errors are told after a command has ended."""
    return _spoken["language"]


_stop = {"asked": False}


def ask_to_stop(*_: object) -> None:
    """Handler of SIGINT and SIGTERM: blocks that started something get the chance to stop it."""
    _stop["asked"] = True
    raise KeyboardInterrupt


def asked_to_stop() -> bool:
    """Whether one of these signals came. A library may swallow the exception: long work asks now and then."""
    return _stop["asked"]


def day(text: str, where: str) -> date:
    """A local day that a person wrote as YYYY-MM-DD. Raises InputError naming the option ``where``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date", where=where, hint="write YYYY-MM-DD, e.g. 2026-03-31") from None


def day_of(option: str) -> Callable[[str], datetime]:
    """Reads the day that a person gave for an option, as its first instant (without a zone). Raises InputError."""

    def read(text: str) -> datetime:
        return datetime.combine(day(text, option), time())

    return read


def make(data: Path | None = None, language: str | None = None) -> Context:
    """The context from environment, TOML file and the options that all commands share."""
    _spoken["language"] = next((x for x in (language, os.environ.get("XUEJING_LANGUAGE")) if x in LANGUAGES), "zh")
    settings, origin = load(os.environ, Path.cwd())
    _spoken["language"] = language if language in LANGUAGES else settings.language
    if data is not None:
        settings, origin["data_dir"] = replace(settings, data_dir=str(data)), "--data"
    if language is not None:
        if language not in LANGUAGES:
            raise ConfigError(f"{language!r} is no language of ours", where="--lang", hint=" / ".join(LANGUAGES))
        settings, origin["language"] = replace(settings, language=language), "--lang"
    return Context(settings, origin)


def of(ctx: typer.Context) -> Context:
    """The context that ``cli.py`` has put into typer's."""
    found = ctx.find_object(Context)
    assert found is not None
    return found
