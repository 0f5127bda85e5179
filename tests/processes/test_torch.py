"""Torch angles: the formula's test vectors, its inverse, and references that do not turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellctl.model.pose import unit
from cellctl.processes.torch import (
    spin_offsets,
    torch_angles,
    torch_rotations,
    transported_references,
    wire_directions,
)

T, N = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
angles = st.floats(-1.2, 1.2)


@pytest.mark.parametrize(
    ("work", "travel", "expected"),
    [
        (0.0, 10.0, (0.173648, 0.0, -0.984808)),
        (45.0, 10.0, (0.173648, -0.696364, -0.696364)),
        (0.0, 0.0, (0.0, 0.0, -1.0)),
        (0.0, -15.0, (-0.258819, 0.0, -0.965926)),
    ],
)
def test_wire_direction_of_published_vectors(work: float, travel: float, expected: tuple[float, ...]) -> None:
    wire = wire_directions(T, N, np.radians(work), np.radians(travel))
    np.testing.assert_allclose(wire, expected, atol=5e-7)


@given(angles, angles)
def test_angles_are_read_back(work: float, travel: float) -> None:
    wire = wire_directions(T[None], N[None], [work], [travel])
    np.testing.assert_allclose(np.linalg.norm(wire), 1.0)
    np.testing.assert_allclose(np.array(torch_angles(T[None], N[None], wire))[:, 0], (work, travel), atol=1e-9)


def test_push_points_the_wire_in_the_direction_of_travel() -> None:
    assert wire_directions(T, N, 0.0, 0.2) @ T > 0.0


@given(st.integers(0, 1000), st.floats(-3.0, 3.0))
def test_rotations_are_right_handed_with_z_along_the_wire(seed: int, spin: float) -> None:
    wire, reference = unit(np.random.default_rng(seed).normal(size=(2, 1, 3)))
    rotation = torch_rotations(wire, reference, [spin])[0]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) > 0.0
    np.testing.assert_allclose(rotation[:, 2], wire[0], atol=1e-12)


def test_references_turn_back_to_themselves_round_a_cone_less_its_solid_angle() -> None:
    phi = np.linspace(0.0, 2.0 * np.pi, 2001)
    half = np.radians(45.0)
    wires = np.stack([np.sin(half) * np.cos(phi), np.sin(half) * np.sin(phi), -np.full_like(phi, np.cos(half))], axis=1)
    carried = transported_references(wires)
    np.testing.assert_allclose(np.einsum("ij,ij->i", carried, wires), 0.0, atol=1e-12)
    turn = np.arccos(np.clip(carried[0] @ carried[-1], -1.0, 1.0))
    holonomy = 2.0 * np.pi * (1.0 - np.cos(half))
    np.testing.assert_allclose(turn, min(holonomy, 2.0 * np.pi - holonomy), atol=1e-5)


def test_offsets_lead_from_the_tangent_to_the_reference() -> None:
    wire = wire_directions(T[None], N[None], [0.1], [0.2])
    reference = torch_rotations(wire, T[None], [0.7])[:, :, 0]
    np.testing.assert_allclose(spin_offsets(T[None], wire, reference), [0.7], atol=1e-12)
