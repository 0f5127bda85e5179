"""Who may move the arm: one holder at a time, for as long as its heartbeat comes. It stops nothing by itself."""

from __future__ import annotations

from cellctl.errors import Finding, UsageError

TIME_TO_LIVE = 1.0
HEARTBEAT = 0.2


class Lease:
    """A lease with an epoch that grows with every grant, so that a command of an earlier holder is known as such."""

    def __init__(self, time_to_live: float = TIME_TO_LIVE) -> None:
        self._time_to_live = time_to_live
        self.holder: str | None = None
        self.epoch = 0
        self._client = -1
        self._last_sign = 0.0

    def acquire(self, *, client: int, name: str, now: float) -> int:
        """Grant the lease and return its epoch; raises UsageError (X420) while somebody else has it. `now` is
        monotonic, s.
        """
        if self.holder is not None and self._client != client and not self.expired(now):
            message = f"'{self.holder}' has the lease on this arm"
            raise UsageError(
                Finding("X420", message, suggestion="wait until it is released; stop and hold need no lease")
            )
        self.epoch += 1
        self.holder, self._client, self._last_sign = name, client, now
        return self.epoch

    def check(self, *, client: int, epoch: object, now: float) -> None:
        """Raise UsageError (X420) unless this client holds the lease of this epoch."""
        if self.holder is None or self._client != client or epoch != self.epoch or self.expired(now):
            raise UsageError(
                Finding("X420", "this needs the lease on the arm", suggestion="acquire it and give its epoch")
            )

    def heartbeat(self, *, client: int, now: float) -> None:
        """A sign of life; from anybody but the holder it means nothing."""
        if client == self._client and not self.expired(now):
            self._last_sign = now

    def extend(self, seconds: float) -> None:
        """Leave out a time in which the executor itself could not listen, as while it reads a plan."""
        self._last_sign += seconds

    def release(self, *, client: int) -> None:
        """Give the lease back, if this client has it; a client that is gone does so too."""
        if client == self._client:
            self.holder, self._client = None, -1

    def expired(self, now: float) -> bool:
        """True when the holder has not been heard for the time to live."""
        return now - self._last_sign > self._time_to_live

    def loss(self, now: float) -> str:
        """Why nobody alive holds the lease, in words; empty while somebody does."""
        if self.holder is None:
            return "nobody holds the lease on the arm"
        if not self.expired(now):
            return ""
        silent = now - self._last_sign
        return f"'{self.holder}', who holds the lease on the arm, gave no sign for {silent:.1f} s"
