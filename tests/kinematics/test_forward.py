"""Forward kinematics and Jacobian against the makers' descriptions and differences."""

from __future__ import annotations

import numpy as np
import pytest

from cellctl.kinematics.chain import Chain, chain_of
from cellctl.kinematics.forward import flange_matrices, flange_pose, frames
from cellctl.kinematics.jacobian import jacobian, jacobians, least_sigma, normalised_sigma_min
from cellctl.model.pose import Pose, rotation_about
from cellctl.model.robot import Robot


def test_flange_is_where_the_makers_description_puts_it(robot: Robot, published: list) -> None:
    for q, expected in published:
        np.testing.assert_allclose(flange_pose(chain_of(robot), q).matrix[:3], expected, atol=1e-6)


def test_prismatic_and_slanted_axes() -> None:
    axis = np.array([1.0, 2.0, -2.0]) / 3.0
    before = np.array([Pose.of((0.1, 0.2, 0.3), (0.4, -0.5, 0.6)).matrix, Pose.of((0.0, 0.5, 0.0)).matrix])
    chain = Chain(before, np.array([axis, axis]), np.array([True, False]), Pose.of((0.0, 0.0, 0.1)).matrix)
    expected = (
        before[0] @ Pose.of(0.7 * axis).matrix @ before[1] @ Pose.from_rotation(rotation_about(axis, -1.1)).matrix
    )
    np.testing.assert_allclose(frames(chain, [0.7, -1.1])[2], expected, atol=1e-15)
    np.testing.assert_allclose(frames(chain, [0.7, -1.1])[3], expected @ chain.after, atol=1e-15)
    assert np.abs(jacobian(chain, [0.7, -1.1]) - _differences(chain, np.array([0.7, -1.1]), np.zeros(3))).max() < 1e-8


def test_joint_values_must_fit_the_chain(kr16: Robot) -> None:
    with pytest.raises(ValueError, match="expected 6 joint values"):
        flange_matrices(chain_of(kr16), np.zeros((2, 5)))


def test_jacobian_is_the_derivative_of_the_tcp(robot: Robot, random_joints: np.ndarray) -> None:
    chain = chain_of(robot)
    tcp = Pose.of((0.06, -0.02, 0.35), (0.1, 0.4, 0.0))
    for q in random_joints[:50]:
        np.testing.assert_allclose(jacobian(chain, q, tcp), _differences(chain, q, tcp.position), atol=2e-8)


def _differences(chain: Chain, q: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Central differences (6, dof) of the point's position and of the flange's rotation vector."""
    step = 1e-6
    columns = []
    for change in np.eye(len(q)) * step:
        ahead, behind = flange_matrices(chain, np.array([q + change, q - change]))
        linear = (ahead[:3, :3] @ point + ahead[:3, 3] - behind[:3, :3] @ point - behind[:3, 3]) / (2.0 * step)
        turn = ahead[:3, :3] @ behind[:3, :3].T
        angular = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / (4.0 * step)
        columns.append([*linear, *angular])
    return np.array(columns).T


def test_sigma_min_is_zero_where_the_wrist_is_stretched_and_scales_with_the_length(kr16: Robot) -> None:
    chain = chain_of(kr16)
    stack = jacobians(chain, [[0.3, -1.2, 1.3, 0.5, 0.0, -0.6], [0.3, -1.2, 1.3, 0.5, 0.8, -0.6]])
    stretched, bent = normalised_sigma_min(stack)
    assert stretched < 1e-12
    scaled = stack[1] / np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0])[:, None]
    assert bent == pytest.approx(np.sqrt(np.linalg.eigvalsh(scaled @ scaled.T)[0]), rel=1e-9)
    assert normalised_sigma_min(stack, 0.25)[1] > bent
    assert least_sigma(stack) < 1e-12
    assert least_sigma(np.zeros((2, 6, 6))) == 0.0


@pytest.mark.parametrize("dof", [5, 6, 7])
def test_the_least_sigma_of_many_is_that_of_all_decompositions(dof: int) -> None:
    stack = np.random.default_rng(dof).normal(size=(400, 6, dof))
    assert least_sigma(stack, 0.3) == pytest.approx(normalised_sigma_min(stack, 0.3).min(), rel=1e-9)
