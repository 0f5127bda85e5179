"""A good plan spoilt at random: kinds of defects, each at places and by sizes that a seed draws, and by which name each
is to be refused.

One seed of every kind in every run; eight where `-m slow` asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cellctl.errors import NotCertified
from cellctl.files import task_from_inputs
from cellctl.jobs import certify
from cellctl.model.plan import ContactAllowance, Plan
from cellctl.proof import certified
from cellctl.proof.clearance import Checker, check_clearance
from cellctl.proof.readback import tcp_matrices
from cellctl.scene.bodies import collision_model
from cellctl.scene.bullet.exact import ExactScene
from cellctl.scene.screen import pack
from tests.proof.conftest import Proving, with_segment, with_segments
from tests.proof.spoiling import (
    CORNER,
    LEFT,
    faster,
    jolt,
    law,
    point,
    quicker,
    shifted,
    slowly,
    start_at,
    turned,
    wire_longer,
    with_input,
)

STRAIGHT = (2, 6, 10)
"""Welds of straight seams."""
TRANSITS = (0, 4, 8, 12, 16)
SEEDS = 8

Found = set[str]
Kind = Callable[[np.random.Generator, Proving, Plan], Found]


def stretch(rng: np.random.Generator, plan: Plan, index: int, size: float = 0.03) -> tuple[float, float]:
    """Begin and end of a stretch of a weld, its ends left out."""
    begin = rng.uniform(0.008, plan.segments[index].path.end - size - 0.008)
    return begin, begin + size


def either(rng: np.random.Generator, low: float, high: float) -> float:
    """A size between two bounds, of either sign."""
    return float(rng.choice([-1.0, 1.0]) * rng.uniform(low, high))


def tilted(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(STRAIGHT))
    spoil = turned(str(rng.choice(["t", "b"])), either(rng, 2.0, 4.0), *stretch(rng, plan, index), index)
    return proving.codes(spoil(proving, plan), index)


def wire_length(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(STRAIGHT))
    return proving.codes(wire_longer(either(rng, 0.8e-3, 1.5e-3), index)(proving, plan), index)


def beside_the_seam(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(STRAIGHT))
    return proving.codes(
        shifted("b", either(rng, 0.4e-3, 2e-3), *stretch(rng, plan, index), index)(proving, plan), index
    )


def off_the_seam(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(STRAIGHT))
    return proving.codes(
        shifted("n", either(rng, 0.6e-3, 2e-3), *stretch(rng, plan, index), index)(proving, plan), index
    )


def speed_on_a_stretch(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    return proving.codes(faster(either(rng, 0.045, 0.07), *stretch(rng, plan, CORNER, 0.01))(proving, plan), CORNER)


def sample_moved(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index, joint = int(rng.choice(STRAIGHT)), int(rng.integers(0, 3))
    row = int(rng.integers(8, len(plan.segments[index].path.control) - 8))
    return proving.codes(point(index, row, joint, either(rng, 0.002, 0.006))(proving, plan), index)


def quicker_transit(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(TRANSITS))
    return proving.codes(law(index, quicker(rng.uniform(1.05, 4.0)))(proving, plan), index)


def between_samples(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.choice(TRANSITS))
    return proving.codes(jolt(rng.uniform(0.3, 0.7), int(rng.integers(0, 6)), index)(proving, plan), index)


def beyond_a_limit(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index, joint = int(rng.choice(TRANSITS)), int(rng.integers(0, 6))
    path, robot = plan.segments[index].path, proving.mechanism.robot
    middle = path(0.5 * (path.start + path.end))[0, joint]
    away = robot.limit_array("upper" if rng.random() < 0.5 else "lower")[joint] - middle
    return proving.codes(slowly(index, joint, 1.8 * away + np.copysign(0.4, away))(proving, plan), index)


def thin_body(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    """A plate of 0.1 to 0.3 mm stands across the way of the torch, between two samples of a millisecond."""
    index = int(rng.choice(TRANSITS))
    segment = plan.segments[index]
    t = np.floor(rng.uniform(0.4, 0.6) * segment.duration * 1e3) * 1e-3 + 5e-4
    x, y, z = (tcp_matrices(proving.mechanism, 0.0, segment.joints_at(t))[0, :3, 3] * 1e3).tolist()
    plate = f'"at":{{"xyz":"{x} {y} {z} mm"}},"box":"{rng.uniform(0.1, 0.3):.2f} 40 40 mm"'
    changed = with_input(plan, "cell", ('"fixtures":{', f'"fixtures":{{"plate":{{{plate}}},'))
    model = collision_model(task_from_inputs(changed.inputs).cell, "r1")
    with ExactScene(model) as engine:
        result = check_clearance(Checker(model, pack(model), engine), segment, "here")
    assert all("plate" in finding.message for finding in result.findings)
    return {finding.code for finding in result.findings}


def allowance(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.integers(0, len(plan.segments)))
    segment, model = plan.segments[index], proving.checker.model
    lawful = {frozenset((c.first, c.second)) for c in segment.contacts}
    pairs = [model.pair_names(k) for k in range(len(model.pairs)) if frozenset(model.pair_names(k)) not in lawful]
    first, second = pairs[int(rng.integers(0, len(pairs)))]
    more = ContactAllowance(first, second, float(rng.choice([0.0, 0.001, 0.009])))
    return proving.codes(with_segment(plan, index, contacts=(*segment.contacts, more)), index)


def segment_lost(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    index = int(rng.integers(0, len(plan.segments)))
    return proving.codes(with_segments(plan, (*plan.segments[:index], *plan.segments[index + 1 :])))


def start_elsewhere(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    return proving.codes(start_at("r1", either(rng, 1e-6, 0.1))(proving, plan))


def other_tool(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    """The contact tip of the tool in the plan is another one."""
    by = either(rng, 1.0, 3.0)
    tool = next(item for item in plan.inputs if item.kind == "tool").content.decode()
    old = tool.split('"contact_tip":{', 1)[1].split('"xyz":"', 1)[1].split('"', 1)[0]
    x, y, z = (float(word) for word in old.split()[:3])
    return reproved(with_input(plan, "tool", (f'"xyz":"{old}"', f'"xyz":"{x} {y} {z + by} mm"')))


def part_elsewhere(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    by = rng.normal(size=3)
    x, y, z = by / np.linalg.norm(by) * rng.uniform(0.6, 3.0)
    return reproved(with_input(plan, "cell", ("230 0 24 mm", f"{230 + x} {y} {24 + z} mm")))


def reproved(plan: Plan) -> Found:
    """Codes of what is found about the weld of the left seam where the inputs of a plan are others."""
    task = task_from_inputs(plan.inputs)
    model = collision_model(task.cell, "r1")
    with ExactScene(model) as engine:
        return Proving(task, Checker(model, pack(model), engine)).codes(plan, LEFT)


def digest_edited(rng: np.random.Generator, proving: Proving, plan: Plan) -> Found:
    """One digit of the digest, or one byte of an input."""
    good = certify(plan).plan
    assert good.certificate is not None
    if rng.random() < 0.5:
        digest = list(good.certificate.plan_sha256)
        k = int(rng.integers(0, len(digest)))
        digest[k] = "0" if digest[k] != "0" else "1"
        return refused(replace(good, certificate=replace(good.certificate, plan_sha256="".join(digest))))
    k = int(rng.integers(0, len(good.inputs)))
    content = bytearray(good.inputs[k].content)
    content[int(rng.integers(0, len(content)))] ^= 1
    edited = replace(good.inputs[k], content=bytes(content))
    return refused(replace(good, inputs=(*good.inputs[:k], edited, *good.inputs[k + 1 :])))


def refused(plan: Plan) -> Found:
    with pytest.raises(NotCertified) as caught:
        certified(plan)
    return {finding.code for finding in caught.value.findings}


KINDS: tuple[tuple[Kind, Found], ...] = (
    (tilted, {"C314"}),
    (wire_length, {"C311"}),
    (beside_the_seam, {"C310"}),
    (off_the_seam, {"C311"}),
    (speed_on_a_stretch, {"C315"}),
    (sample_moved, {"C310", "C311"}),
    (quicker_transit, {"C304", "C305", "C306"}),
    (between_samples, {"C305"}),
    (beyond_a_limit, {"C303"}),
    (thin_body, {"C301"}),
    (allowance, {"C330"}),
    (segment_lost, {"C323", "C327"}),
    (start_elsewhere, {"C323"}),
    (other_tool, {"C310", "C311"}),
    (part_elsewhere, {"C310", "C311", "C328"}),
    (digest_edited, {"C320"}),
)
"""Ways to spoil a plan, and the codes of which one at least is to be found."""


@pytest.mark.parametrize(("kind", "codes"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
def test_a_random_defect_is_refused(kind: Kind, codes: Found, proving: Proving, tray_corner: Plan) -> None:
    assert codes & kind(np.random.default_rng(0), proving, tray_corner)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, SEEDS))
@pytest.mark.parametrize(("kind", "codes"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
def test_every_random_defect_is_refused(
    kind: Kind, codes: Found, seed: int, proving: Proving, tray_corner: Plan
) -> None:
    assert codes & kind(np.random.default_rng(seed), proving, tray_corner)
