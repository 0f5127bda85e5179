"""Surfaces that a picture shows: what is left out of them."""

from __future__ import annotations

import numpy as np

from cellctl.model.pose import Pose
from cellctl.model.shapes import Box
from cellctl.scene.meshes import shape_surface, tube, without_hidden


def test_faces_between_touching_pieces_are_not_shown() -> None:
    left = shape_surface(Box((1.0, 1.0, 1.0)), (0.5, 0.5, 0.5))
    right = left.at(Pose.of((1.0, 0.0, 0.0)))
    apart = left.at(Pose.of((3.0, 0.0, 0.0)))
    small = shape_surface(Box((0.2, 0.2, 0.2)), (0.5, 0.5, 0.5)).at(Pose.of((0.0, 0.0, 0.6)))
    counts = [len(surface.vertices) // 3 for surface in without_hidden([left, right, apart, small])]
    assert counts == [10, 10, 12, 10]
    inner = shape_surface(Box((0.5, 0.5, 0.5)), (0.5, 0.5, 0.5))
    assert len(without_hidden([left, inner])) == 1


def test_a_tube_may_turn_back_on_itself() -> None:
    """As the track of a tool does that goes in and out the same way."""
    there_and_back = tube([(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)], 0.1, (0.5, 0.5, 0.5))
    assert np.isfinite(there_and_back.vertices).all()
