"""What a run makes of its operator's commands: hold, go on, go back, stop; and why it ends. It sends no setpoint."""

from __future__ import annotations

from cellctl.errors import Faulted, Finding
from cellctl.execution.control import Command, Control
from cellctl.execution.following import Follower
from cellctl.execution.machine import Machine
from cellctl.execution.process import Process
from cellctl.execution.records.outcome import Status
from cellctl.execution.source_procedure import SourceProcedure
from cellctl.execution.stream import SetpointStream
from cellctl.execution.strides import Strides
from cellctl.execution.telling import Events, Teller, finding_data

_HELD_PATIENCE = 0.05


class Ended(Exception):
    """The arm stands on its path, the process is off, and the run is over for the reason that was taken."""


class Elsewhere(Exception):
    """The run goes on at another place of its path than where it was held."""


class Obedience:
    """The operator's `command` of one run, how the run stands to it, and why and how it ends: `ending` and `status`."""

    def __init__(
        self,
        control: Control,
        machine: Machine,
        *,
        path: Follower,
        stream: SetpointStream,
        process: Process,
        procedure: SourceProcedure,
        strides: Strides,
        teller: Teller,
    ) -> None:
        self._control, self._machine, self._path, self._stream = control, machine, path, stream
        self._process, self._procedure, self._strides, self._teller = process, procedure, strides, teller
        self.command = Command()
        self.status: Status = "done"
        self.ending: Finding | None = None
        self._paused = False
        self._going, self._backed = 0, 0

    @property
    def executing(self) -> bool:
        """Whether the run may move."""
        return self._machine.state == "execute"

    def heed(self) -> Command:
        """The operator's command now; raises Faulted (X413) when the power is gone."""
        waits = self._machine.state == "held" and self._stream.arm.lock_step
        self.command = self._control.poll(patience=_HELD_PATIENCE if waits else 0.0)
        if self._machine.power != "on":
            raise Faulted(Finding("X413", f"a software emergency stop took the power, {self._teller.where}"))
        return self.command

    def obey(self) -> Events:
        """Take the operator's command; arc and bead go off in the cycle in which a stop or a hold is taken.

        Raises Ended where a run that is to end stands, Elsewhere where it goes on at another place.
        """
        machine, command = self._machine, self.heed()
        if self.ending is not None:
            if self._path.rate == 0.0 and self._stream.outputs == self._process.outputs:
                raise Ended
        elif command.demand == "stop":
            self.ending = Finding("X409", f"stopped {command.why}, {self._teller.where}", severity="note")
            self.status = "stopped"
            yield from self._teller.take("stop")
            yield from self._procedure.extinguish("stop")
        elif command.demand == "hold" and machine.may("hold"):
            yield from self._teller.take("protect" if command.protective else "hold", why=command.why)
            yield from self._procedure.extinguish("hold")
        elif machine.state == "holding" and self._path.rate == 0.0:
            yield from self._teller.take("still")
        elif machine.state == "held" and command.demand == "run":
            yield from self._leave_hold(command)

    def pause(self) -> Events:
        """Hold by itself, until somebody asks to go on."""
        if self.executing:
            self._paused, self._going = True, self.command.go
            yield from self._teller.take("hold", why="at the end of a stride")

    def end_with(self, finding: Finding) -> Events:
        """Take a fault: arc and bead off now, slow down on the path, then the run ends."""
        self.fail(finding)
        yield from self._procedure.extinguish("fault", confirmed=self._stream.measured.outputs_heard)
        yield self._teller.tell("fault", findings=[finding_data(finding)])
        yield from self._teller.take("fault")

    def fail(self, finding: Finding) -> None:
        """The run ends with this fault."""
        self.ending, self.status = finding, "faulted"

    def _leave_hold(self, command: Command) -> Events:
        """Go back by a stride, or go on, as far as it is clear what becomes of a seam that was cut."""
        if command.back is not None and command.backs != self._backed:
            self._backed = command.backs
            if self._process.screw.program is not None:  # nothing goes back out of a screw: it stays held
                self._paused, self._going = True, command.go
                return
            yield from self._go_on()
            yield from self._strides.back(command.back)
            yield from self.pause()
            raise Elsewhere
        if self._paused and command.go == self._going:
            return
        ledger, index = self._process.ledger, self._path.index
        cut = ledger.cut_at(index)
        if cut is not None and command.arc == "weld":
            return
        yield from self._go_on()
        if cut is not None and command.arc == "restart":
            process = self._path.segment.process
            strike = max(cut - command.overlap, 0.0 if process is None else process.begin)
            ledger.restart(index, strike)
            self._teller.note("restart", at=strike, cut=cut)
            raise Elsewhere

    def _go_on(self) -> Events:
        self._paused = False
        yield from self._teller.take("resume")
        yield from self._teller.take("begin")
