"""The process of a run at its place on the path: what arc or bead, gripper and screwdriver are told, what they have
done, and whether they still hold. It moves nothing and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from math import inf, pi

from cellctl.errors import Finding
from cellctl.execution.arc import ArcChannel
from cellctl.execution.arc_notes import ArcNotes
from cellctl.execution.following import Follower
from cellctl.execution.gripper import GripperChannel, held_before
from cellctl.execution.job import DispenserLines, Job
from cellctl.execution.ledger import SeamLedger
from cellctl.execution.records.record import Record
from cellctl.execution.screwdriver import SCREW_SIGNALS, TIGHTENING, ScrewChannel
from cellctl.execution.source import SOURCE_CODES, SourceChannel, SourceState
from cellctl.execution.stream import SetpointStream
from cellctl.execution.telling import Teller
from cellctl.model.wps import POWER_SIGNALS

FLOW_SIGNALS = frozenset({"dispenser_flow"})
"""The analogue output of a cell without which an override waits while a bead is laid."""


class Process:
    """Source, gripper and screwdriver of one run. `ledger` says where an arc may be struck, a bead laid or a screw
    driven, `patience` how a slow disk is waited for in lock-step.
    """

    def __init__(
        self,
        job: Job,
        record: Record,
        *,
        path: Follower,
        stream: SetpointStream,
        ledger: SeamLedger,
        teller: Teller,
        patience: Callable[[Future[None]], None],
    ) -> None:
        self._job, self._path, self._stream, self._teller = job, path, stream, teller
        self.ledger = ledger
        lines = job.lines
        self.source = SourceChannel(lines) if isinstance(lines, DispenserLines) else ArcChannel(lines)
        self.gripper = GripperChannel(job.gripper, holds=held_before(path.segments[: job.entry.segment]))
        self.screw = ScrewChannel(job.screws)
        self._scales = stream.arm.analog and job.analog.outputs.keys() >= set(POWER_SIGNALS)
        self._turns_along = stream.arm.analog and job.analog.outputs.keys() >= SCREW_SIGNALS
        self._flows_along = stream.arm.analog and job.analog.outputs.keys() >= FLOW_SIGNALS
        kind = f"{self.source.word}_at"
        self._notes = ArcNotes(record, kind=kind, patience=patience if stream.arm.lock_step else None)

    @property
    def outputs(self) -> int:
        """The digital outputs as bits."""
        return self.source.outputs | self.gripper.outputs | self.screw.outputs

    def analog(self, override: float) -> tuple[float, ...]:
        """The analogue outputs by channel; while the arm stands, as for the `override` that was asked for."""
        return self._job.analog.commanded(
            self._power_values(override) | self._flow_values(override) | self._screw_values()
        )

    @property
    def works(self) -> bool:
        """Whether an arc stands, a bead is laid, or a screw is in hand: then the process says how the path goes on."""
        return self.source.state == "established" or self.screw.program is not None

    def share(self, wanted: float) -> float:
        """The rate of path time nearest to `wanted` at which the process goes on."""
        if self.screw.program is not None:
            return wanted if self._turns_along else 1.0
        segment = self._path.segment
        bead, line = self._job.beads.get(segment.step), self._job.power.get(segment.step)
        if bead is not None and segment.process is not None and self._flows_along:
            return min(max(wanted, bead.slowest(segment.process.travel_speed)), 1.0)
        return 1.0 if line is None or not self._scales else line.share(wanted)

    def _screw_values(self) -> dict[str, float]:
        """What the screwdriver is set to: turning with the feed of the arm, slowly where that stands."""
        program = self.screw.program
        if program is None:
            return {}
        feed = self._path.rate * self._path.curve.speed(self._path.tau)
        speed = 2.0 * pi * feed / program.pitch if self._path.rate else TIGHTENING * program.speed
        return {"driver_program": float(self.screw.number), "driver_speed": speed}

    def _power_values(self, override: float) -> dict[str, float]:
        """What the weld source is set to: nothing without an arc."""
        line = self._job.power.get(self._path.segment.step)
        if line is None or self.source.state == "off":
            return {}
        power = line.at(self.share(self._path.rate or override))
        return {"wire_feed": power.wire_feed, "voltage": power.voltage}

    def _flow_values(self, override: float) -> dict[str, float]:
        """What the dispenser is set to: the flow for the speed that the nozzle will have when the material comes."""
        path, bead = self._path, self._job.beads.get(self._path.segment.step)
        if bead is None or self.source.state == "off":
            return {}
        open_for, lead = self._stream.time - self.source.on_since, bead.open_lead - self._stream.arm.lag
        rate = path.rate or self.share(override)
        ahead = rate * max(min(open_for, lead), 0.0)
        return {"dispenser_flow": bead.flow(rate * path.curve.speed(path.tau + ahead))}

    def left(self) -> float:
        """How long it is until the measured tool is at the end of this segment's process, s."""
        path, process = self._path, self._path.segment.process
        if process is None or path.rate <= 0.0:
            return inf
        return (path.curve.time_at(process.end) - path.tau) / path.rate + self._stream.arm.lag

    @property
    def arc_code(self) -> int:
        """The state of arc or bead as the trace has it."""
        return SOURCE_CODES[self.source.state]

    def torch(self) -> float:
        """Where on this segment's path the tool was measured last, m; it lags behind its commands."""
        return self._path.curve.s_of(self._stream.measured.joints, near=self._path.s)

    def reached(self) -> float:
        """How far along this segment's path the source is known to have worked, m."""
        return self.source.reached(self.torch())

    def lost(self) -> Finding | None:
        """A part that is lost (X426), a screw that goes wrong (X438, X439), an arc that is lost (X404), a
        dispenser that is not ready any more (X499), or what the journal cannot follow (X411); None for none.

        Asked once a cycle.
        """
        inputs, dt, part = self._stream.measured.inputs, self._stream.dt, self.gripper.part
        if self.gripper.lost(inputs, dt):
            hint = "take the part out of the way before the arm moves"
            return Finding("X426", f"the gripper has lost '{part}', {self._teller.where}", suggestion=hint)
        if (finding := self._screw_trouble(inputs)) is not None:
            return finding
        tolerance = self._job.tolerances.arc_loss
        if self.source.missing_for(inputs, dt, s=self.torch()) > tolerance:
            return self._lost_source(tolerance)
        burns = self.source.state == "established"
        return self._notes.follow(self._teller.stamp, self.reached()) if burns else None

    def _lost_source(self, tolerance: float) -> Finding:
        after = f"for more than {tolerance:g} s, {self._teller.where}"
        if self.source.word == "arc":
            return Finding("X404", f"the arc was lost {after}")
        hint = "look at its pressure and its material, then at the bead"
        return Finding("X499", f"the dispenser was not ready {after}", suggestion=hint)

    def _screw_trouble(self, inputs: int) -> Finding | None:
        """What the driver shows now is taken, and what is wrong with it (X438, X439)."""
        if self.screw.program is None:
            return None
        values = self._stream.measured.analog
        torque, angle = (self._job.analog.shown(name, values) for name in ("driver_torque", "driver_angle"))
        self.screw.show(inputs, torque=torque, angle=angle)
        finding = self.screw.trouble(inputs, self._path.segment.path.end - self._path.s, self._teller.where)
        if finding is not None:
            self._teller.note("screw_failed", code=finding.code, **self.screw.figures)
        return finding

    def establish(self) -> None:
        """The source works: a stretch of the seam begins here."""
        path, process = self._path, self._path.segment.process
        self._notes.begin(path.s)
        seam = process.seam if process else ""
        self.source.establish(segment=path.index, seam=seam, s=path.s, time=self._stream.time)
        self._teller.note(f"{self.source.word}_established", seam=seam)

    def put_out(self, *, complete: bool) -> SourceState:
        """Take arc or bead away in this very cycle, its seam complete or cut; returns what it was before.

        A screwdriver that turns is switched off with it.
        """
        self.screw.stop()
        path, reached = self._path, self.reached()
        before = self.source.extinguish(s=reached, time=self._stream.time, complete=complete)
        if before == "established":
            if complete:
                self.ledger.complete(path.index)
            else:
                self.ledger.cut(path.index, reached)
        return before
