"""A folder in memory that knows what is on the disk, for the journal."""

from __future__ import annotations


class Power(Exception):
    """The machine is off."""


class Disk:
    """A folder in memory that knows what is synced. ``fuel`` counts system calls until the power fails."""

    def __init__(self, fuel: int = 10**9, fail_at: int = -1) -> None:
        self.durable: dict[str, bytes] = {}
        self.now: dict[str, bytearray] = {}
        self.fuel, self.fail_at, self.calls, self.syncs = fuel, fail_at, 0, 0

    def _call(self) -> None:
        self.calls += 1
        if self.calls > self.fuel:
            raise Power
        if self.calls == self.fail_at:
            raise OSError(28, "No space left on device")

    def names(self) -> list[str]:
        return list(self.now)

    def create(self, name: str) -> str:  # type: ignore[override]
        self._call()
        assert name not in self.now
        self.now[name], self.durable[name] = bytearray(), b""
        return name

    def write(self, handle: str, data: bytes) -> None:
        half = len(data) // 2
        self.now[handle] += data[:half]
        self._call()
        self.now[handle] += data[half:]

    def sync(self, handle: str) -> None:
        self._call()
        self.syncs += 1
        self.durable[handle] = bytes(self.now[handle])

    def close(self, handle: str) -> None:
        pass

    def read(self, name: str) -> bytes:
        return bytes(self.now[name])

    def remove(self, name: str) -> None:
        del self.now[name], self.durable[name]

    def rename(self, name: str, to: str) -> None:
        self.now[to], self.durable[to] = self.now.pop(name), self.durable.pop(name)

    def after_power_cut(self, keep: float) -> Disk:
        """What is there when the machine comes back: what was synced, and some of what was only written."""
        found = Disk()
        for name, safe in self.durable.items():
            more = bytes(self.now[name])[len(safe) :]
            found.durable[name] = safe + more[: int(len(more) * keep)]
            found.now[name] = bytearray(found.durable[name])
        return found
