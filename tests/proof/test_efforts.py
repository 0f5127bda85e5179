"""Motors and payload: what a good plan uses, and what is said where an arm is asked for too much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellctl.kinematics.masses import STANDARD_GRAVITY
from cellctl.model.cell import Mechanism
from cellctl.model.plan import Plan
from cellctl.model.robot import Inertia, Link
from cellctl.model.spline import BSpline
from cellctl.proof.efforts import check_payload, effort_findings, effort_use


def published(mechanism: Mechanism) -> Mechanism:
    """The same arm and tool, were all their masses published."""

    def link(link: Link) -> Link:
        return replace(link, inertia=replace(link.inertia, basis="source"))

    assert mechanism.tool is not None
    robot = replace(mechanism.robot, links=tuple(link(each) for each in mechanism.robot.links))
    return replace(
        mechanism, robot=robot, tool=replace(mechanism.tool, inertia=replace(mechanism.tool.inertia, basis="source"))
    )


def with_load(mechanism: Mechanism, mass: float) -> Mechanism:
    assert mechanism.tool is not None
    inertia = Inertia(mass, (0.0, 0.0, 0.1), (0.1, 0.0, 0.0, 0.1, 0.0, 0.1))
    return replace(mechanism, tool=replace(mechanism.tool, inertia=inertia))


def test_the_job_asks_less_of_every_motor_than_it_has(proving, tray_corner: Plan) -> None:
    uses = [effort_use(segment, proving.mechanism) for segment in tray_corner.segments]
    assert all(0.1 < use.ratio < 1.0 for use in uses)
    assert {use.quantity for use in uses} == {"effort"}


def test_standing_still_takes_what_gravity_takes(proving, tray_corner: Plan) -> None:
    """A 20 kg lump on the flange: the torque of its joint 2 from the weights, by virtual work."""
    from cellctl.kinematics.chain import chain_of
    from cellctl.kinematics.forward import frames
    from cellctl.kinematics.masses import lumped

    mechanism = with_load(proving.mechanism, 20.0)
    q = np.asarray(tray_corner.start["r1"], dtype=np.float64)
    path = BSpline(3, np.r_[[0.0] * 4, [1.0] * 4], np.repeat(q[None], 4, axis=0))
    law = BSpline(3, np.r_[[0.0] * 4, [1.0] * 4], np.array([[0.0], [0.0], [1.0], [1.0]]))
    use = effort_use(replace(tray_corner.segments[0], path=path, law=law), mechanism)
    chain, lumps = chain_of(mechanism.robot), lumped(mechanism.robot, mechanism.tool)

    def height(q: np.ndarray) -> float:
        return sum(lump.mass * (frames(chain, q)[k] @ (*lump.com, 1.0))[2] for k, lump in enumerate(lumps))

    slopes = [(height(q + step) - height(q - step)) / 2e-5 for step in 1e-5 * np.eye(6)]
    ratios = STANDARD_GRAVITY * np.abs(slopes) / mechanism.robot.limit_array("effort")
    assert use.ratio == pytest.approx(ratios.max(), rel=1e-5)
    assert use.joint == mechanism.robot.axes[int(ratios.argmax())].name


@pytest.mark.parametrize(("known", "severity"), [(True, "error"), (False, "warning")])
def test_too_much_for_a_motor_is_an_error_where_masses_are_known(
    proving, tray_corner: Plan, known: bool, severity: str
) -> None:
    mechanism = with_load(proving.mechanism, 150.0)
    if known:
        mechanism = published(mechanism)
    use = effort_use(tray_corner.segments[0], mechanism)
    (finding,) = effort_findings(use, mechanism, "step 1")
    assert (finding.code, finding.severity) == ("C307", severity)
    assert ("estimates" in finding.message) is not known
    assert finding.data["joint"] == use.joint


def test_a_tool_heavier_than_the_payload_is_refused(proving) -> None:
    (finding,) = check_payload(with_load(proving.mechanism, 16.5))
    assert (finding.code, finding.severity) == ("C308", "error")
    assert check_payload(with_load(proving.mechanism, 16.0)) == ()
