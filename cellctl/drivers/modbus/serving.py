"""Serves a process line beside the arm, round after round, in a thread of its own. It decides nothing.

A cycle of an arm is shorter than an answer of a process device may take, and an arc must go out while an arm that has
lost its link is still being stopped.
"""

from __future__ import annotations

from threading import Condition, Event, Thread

from cellctl.drivers.modbus.io import LinkCounters
from cellctl.drivers.modbus.scan import ProcessScan
from cellctl.errors import Faulted, Finding

_PAUSE, _PAUSE_WHILE_LOST = 0.002, 0.05
"""s between two rounds, for others on the line's lock."""


class ServedLine:
    """A `ProcessScan` that is served until it is closed. What is asked here comes from one other thread."""

    def __init__(self, scan: ProcessScan) -> None:
        self._scan = scan
        self._round = Condition()
        self._ended = Event()
        self._broken: Exception | None = None
        self._resting, self._doubted = scan.wish, False
        self._thread = Thread(target=self._serve, name="process line", daemon=True)
        self._thread.start()

    @property
    def signals(self) -> frozenset[str]:
        """The signals that are on the line."""
        return frozenset(one.signal for one in self._scan.wiring.signals)

    @property
    def inputs(self) -> frozenset[str]:
        """The input signals that are on."""
        return self._scan.inputs

    @property
    def finding(self) -> Finding | None:
        """Why the line was given up, until it is cleared."""
        return self._scan.finding

    @property
    def counters(self) -> LinkCounters:
        """What happened on the line since it was opened."""
        return self._scan.io.counters

    def tell(self, on: frozenset[str]) -> None:
        """The outputs that shall be on from now; to be said again and again. Does not wait."""
        if self._broken is not None:
            raise self._broken
        self._scan.say(on)

    def rest(self) -> None:
        """No run says any more what shall be on. Does not wait."""
        self._resting = self._scan.say(None)

    def demand_rest(self) -> None:
        """Wait until what must be off at rest is; raises Faulted X497, once until it is cleared, where nobody can see
        that.
        """
        if self._doubted:
            return
        scan, patience = self._scan, 2.0 * self._scan.wiring.deadline
        with self._round:
            self._round.wait_for(lambda: scan.settled is self._resting or scan.io.lost, patience)
            if scan.settled is self._resting:
                return
        self._doubted = True
        line = self._scan.wiring.name
        text = f"it could not be seen that the process outputs on '{line}' are off"
        raise Faulted(Finding("X497", text, suggestion="look at weld source and cable before anybody goes near"))

    def clear(self) -> None:
        """Open the line again, outputs off; raises EnvironmentMissing or Faulted where it still fails."""
        with self._round:
            self._scan.clear()
            self._resting, self._doubted = self._scan.wish, False

    def close(self) -> None:
        """Outputs off, as far as the line can still be reached."""
        self._ended.set()
        self._thread.join()
        self._scan.close()

    def _serve(self) -> None:
        while not self._ended.wait(_PAUSE_WHILE_LOST if self._scan.io.lost else _PAUSE):
            with self._round:
                try:
                    self._scan.round()
                except Exception as error:
                    self._broken = error
                    return
                self._round.notify_all()
