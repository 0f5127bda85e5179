"""The controller process from its arguments: which socket, pace, log and faults. It reads no cell; `__main__` does."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from cellctl.emulators.simulated_arm.controller import ArmFigures, Controller, ControllerSettings, Plant
from cellctl.emulators.simulated_arm.dispenser import DispenserSettings, Tip
from cellctl.emulators.simulated_arm.faulty_plant import FaultyPlant, PlantFault, parsed_fault
from cellctl.emulators.simulated_arm.gripper import GripperSettings
from cellctl.emulators.simulated_arm.screwdriver import ScrewdriverSettings, parsed_screw_fault
from cellctl.emulators.simulated_arm.serve import ControllerSocket, serve_lock_step, serve_real_time
from cellctl.emulators.simulated_arm.setpoint_log import SetpointLog
from cellctl.emulators.simulated_arm.weld_source import Log, LogFile, WeldSourceSettings
from cellctl.realtime import going_first

_WEAK = 0.7
"""The share of its current, or of its flow, that a weak weld source or dispenser gives."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What the process was told: `cell` is a file of packed inputs; `arc_fault`, `bead_fault` and `gripper_fault` are
    `none`, `never` or seconds until arc, pressure or part is lost; the first may also be `miss` (the arc comes at the
    second attempt), `no_gas`, `stick` or `weak` (too little current), the second `weak` (too little material).
    `screw_fault` is a fault and the number of its screw.
    """

    socket: Path
    cell: Path
    mechanism: str
    at: str
    real_time: bool
    lifeline: bool
    log: Path | None
    setpoints: Path | None
    patience: float
    period: float
    arc_fault: str
    bead_fault: str
    gripper_fault: str
    screw_fault: str
    arm_fault: PlantFault | None


def parsed(arguments: Sequence[str]) -> Launch:
    """The launch that a command line asks for; ends the process with its usage when it asks for nothing."""
    parser = argparse.ArgumentParser("python -m cellctl.emulators.simulated_arm", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="path of the local socket to listen on")
    parser.add_argument("--cell", type=Path, required=True, help="file of packed inputs that say what the cell is")
    parser.add_argument("--mechanism", default="", help="which arm of the cell; its only one by default")
    parser.add_argument("--at", default="home", help="the configuration in which the arm stands at first")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--real-time", action="store_true", help="keep the period by the monotonic clock")
    pace.add_argument(
        "--lock-step", action="store_false", dest="real_time", help="one period for every setpoint (default)"
    )
    parser.add_argument("--lifeline", action="store_true", help="stop and end when standard input closes")
    parser.add_argument("--log", type=Path, help="where the weld source writes what it did")
    parser.add_argument("--setpoints", type=Path, help="where to write when each setpoint came")
    parser.add_argument("--patience", type=float, default=0.020, help="how long no setpoint may come, s")
    parser.add_argument("--period", type=float, default=0.004, help="control period, s: a whole number of ms")
    parser.add_argument(
        "--arc-fault", default="none", help="none, never, miss, no_gas, stick, weak, or seconds to loss"
    )
    parser.add_argument("--bead-fault", default="none", help="none, never, weak, or seconds to loss")
    parser.add_argument("--gripper-fault", default="none", help="none, never, or seconds after which a part is lost")
    parser.add_argument(
        "--screw-fault", default="none", help="none, weak, strip, free, cross or fault; :K for one screw"
    )
    parser.add_argument(
        "--arm-fault",
        type=parsed_fault,
        default="none",
        help="none, stuck:JOINT:AFTER, lag:SECONDS:AFTER, noise:RAD:AFTER, contact:AFTER or power:AFTER, "
        "with AFTER in seconds of the controller's clock",
    )
    return Launch(**vars(parser.parse_args(arguments)))


def run(
    launch: Launch,
    figures: ArmFigures,
    plant: Plant,
    *,
    source: WeldSourceSettings,
    gripper: GripperSettings | None = None,
    screwdriver: ScrewdriverSettings | None = None,
    dispenser: DispenserSettings | None = None,
    tip: Tip | None = None,
) -> None:
    """Serve until the parent is gone or the process is asked to end; the arm stands then."""
    source = _with_fault(source, launch.arc_fault)
    lifeline = sys.stdin.fileno() if launch.lifeline else None
    with ControllerSocket(launch.socket, lifeline=lifeline) as link:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: link.end())
        lost_at = launch.arm_fault.after if launch.arm_fault and launch.arm_fault.kind == "power" else inf
        settings = ControllerSettings(period=launch.period, patience=launch.patience, power_lost_at=lost_at)
        if launch.arm_fault is not None:
            plant = _faulty(plant, launch.arm_fault, figures.joints, settings.time_step)
        fault = launch.gripper_fault
        screw_fault, faulty = parsed_screw_fault(launch.screw_fault)
        controller = Controller(
            figures,
            plant,
            settings=settings,
            source=source,
            log=_log(launch.log),
            gripper=replace(gripper or GripperSettings(), closes=fault != "never", lost_after=_seconds(fault)),
            screwdriver=replace(screwdriver or ScrewdriverSettings(), fault=screw_fault, faulty=faulty),
            dispenser=_dispenser_with_fault(dispenser or DispenserSettings(), launch.bead_fault),
            tip=tip,
            arrival=None if launch.setpoints is None else SetpointLog(launch.setpoints).write,
        )
        if launch.real_time:
            with going_first():
                serve_real_time(controller, link)
        else:
            serve_lock_step(controller, link)


def _faulty(plant: Plant, fault: PlantFault, joints: tuple[str, ...], time_step: float) -> FaultyPlant:
    """The plant with its fault; ends the process where that is one of a joint which is not there."""
    if fault.joint and fault.joint not in joints:
        sys.exit(f"the arm has no joint '{fault.joint}' that could be stuck: it has {', '.join(joints)}")
    return FaultyPlant(plant, fault, joints, time_step=time_step)


def _with_fault(source: WeldSourceSettings, fault: str) -> WeldSourceSettings:
    match fault:
        case "none":
            return source
        case "never":
            return replace(source, ignites=False)
        case "miss":
            return replace(source, misses=1)
        case "no_gas":
            return replace(source, gas_flows=False)
        case "stick":
            return replace(source, sticks=True)
        case "weak":
            return replace(source, strength=_WEAK)
    return replace(source, lost_after=float(fault))


def _dispenser_with_fault(dispenser: DispenserSettings, fault: str) -> DispenserSettings:
    if fault == "weak":
        return replace(dispenser, strength=_WEAK)
    return replace(dispenser, builds_up=fault != "never", lost_after=_seconds(fault))


def _seconds(fault: str) -> float | None:
    return None if fault in ("none", "never") else float(fault)


def _log(path: Path | None) -> Log:
    return LogFile(path).write if path is not None else lambda *said, **figures: None
