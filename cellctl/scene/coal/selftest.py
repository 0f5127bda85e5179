"""The known traps of coal, each put to raw coal and to `CoalScene` against a truth found without them.

It proves nothing about a cell; it says whether the installed coal still behaves as `CoalScene` was built for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cellctl.model.pose import Pose
from cellctl.model.shapes import Box, Cylinder, Hull, Shape, Sphere, frustum
from cellctl.scene.coal.library import coal
from cellctl.scene.coal.solids import coal_solid
from cellctl.scene.traps import SelfTestResult, compared, distance_between

_HERE = Pose.identity()
_apart = partial(distance_between, "coal")


def run_selftest() -> tuple[SelfTestResult, ...]:
    """Every known trap, in a fixed order; takes well under a second."""
    return tuple(trap() for trap in (_result_used_twice, _cylinders_that_touch, _ball_in_a_disc, _round_hull))


def _result_used_twice() -> SelfTestResult:
    box, post = Box((0.2, 0.3, 0.1)), Cylinder(0.05, 0.2)
    near, far = Pose.of((0.3, 0.0, 0.0)), Pose.of((0.65, 0.0, 0.0))
    result = coal().DistanceResult()
    for place in (near, far):
        _ask(box, post, place, result)
    return compared("result that was used before", 0.5, result.min_distance, _apart([(box, _HERE)], [(post, far)]))


def _cylinders_that_touch() -> SelfTestResult:
    boss, pad, gap = Cylinder(0.1, 0.1), Cylinder(0.05, 0.051), 1e-7
    turn = np.radians(30.0)
    place = Pose.of(((0.15 + gap) * np.cos(turn), (0.15 + gap) * np.sin(turn), 0.01))
    result = coal().DistanceResult()
    _ask(boss, pad, place, result)
    first, second = coal_solid(boss).support, coal_solid(pad).support
    raw = float(result.normal @ place.position) - first.reach(result.normal) - second.reach(-result.normal)
    ours = _apart([(boss, _HERE)], [(pad, place)])
    return compared("two cylinders that all but touch, along coal's direction", gap, raw, ours)


def _ball_in_a_disc() -> SelfTestResult:
    disc, ball, place = Cylinder(0.26, 0.02), Sphere(0.005), Pose.of((0.1, 0.05, 0.0))
    raw = _ask(disc, ball, place, coal().DistanceResult())
    return compared("ball deep in a flat cylinder", -0.015, raw, _apart([(disc, _HERE)], [(ball, place)]))


def _round_hull() -> SelfTestResult:
    drum = Hull(frustum(0.3, 0.3, 2.0, 500).vertices - np.array([0.0, 0.0, 1.0]))
    ball, place = Sphere(0.001), Pose.of((0.0, 0.003, 0.1))
    raw = _ask(drum, ball, place, coal().DistanceResult())
    return compared("ball deep in a hull of 1000 corners", -0.298, raw, _apart([(drum, _HERE)], [(ball, place)]))


def _ask(first: Shape, second: Shape, place: Pose, result: Any) -> float:
    """What coal answers with its own settings for `second` at `place` in the frame of `first`, m."""
    there = coal().Transform3s(np.array(place.rotation), np.array(place.position))
    request, here = coal().DistanceRequest(), coal().Transform3s.Identity()
    distance: float = coal().distance(
        coal_solid(first).geometry, here, coal_solid(second).geometry, there, request, result
    )
    return distance
