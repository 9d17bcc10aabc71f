"""The embedded engine: chDB, which is ClickHouse in-process, served on loopback as ClickHouse's HTTP interface.

``EngineProcess`` runs it beside a program; ``serve`` is what runs in that process.
"""

from sinks.embedded.config import EngineOptions
from sinks.embedded.errors import EngineFailed, EngineInUse
from sinks.embedded.process import EngineProcess

__all__ = ["EngineFailed", "EngineInUse", "EngineOptions", "EngineProcess"]
