"""Marginals of an arrow are the diagonal blocks of its inverse, as if that had been written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fitting.marginals import Marginals
from fitting.parameters import POSE_SIZE, Parameters
from fitting.solvers.normal_matrix import Hessian

FRAMES, EXPRESSION, IDENTITY, CAMERAS = 4, 3, 5, 2
WIDTH, SHARED = EXPRESSION + POSE_SIZE, IDENTITY + 12 * CAMERAS


def free(*, some_fixed: bool) -> Parameters:
    masks = Parameters.start(
        torch.ones(IDENTITY), torch.ones(FRAMES, EXPRESSION), torch.ones(FRAMES, POSE_SIZE), CAMERAS
    ).map(lambda tensor: torch.ones_like(tensor, dtype=torch.bool))
    if some_fixed:
        masks.expression[1, 2] = False
        masks.focal[:] = False
        masks.camera_rotation[0] = False
    return masks


def positive_arrow(*, chained: bool, tied: int = SHARED) -> tuple[Hessian, Tensor]:
    """An arrow whose frames are tied to the first shared numbers, and the whole matrix that it stands for."""
    torch.manual_seed(0)
    frames = torch.arange(FRAMES).repeat_interleave(WIDTH)
    whole = torch.randn(FRAMES * WIDTH + SHARED, 2 * (FRAMES * WIDTH + SHARED), dtype=torch.float64)
    whole = whole @ whole.T
    reach = 1 if chained else 0
    near = (frames[:, None] - frames).abs() <= reach
    size = FRAMES * WIDTH
    whole[:size, :size] *= near
    whole[:size, size + tied :] = 0
    whole[size + tied :, :size] = 0
    whole += 200.0 * torch.eye(len(whole))
    blocks = whole[:size, :size].view(FRAMES, WIDTH, FRAMES, WIDTH)
    hessian = Hessian(
        torch.stack([blocks[f, :, f] for f in range(FRAMES)]),
        whole[:size, size : size + tied].reshape(FRAMES, WIDTH, tied).clone(),
        whole[size:, size:].clone(),
        torch.stack([blocks[f, :, f + 1] for f in range(FRAMES - 1)]) if chained else None,
    )
    return hessian, whole


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("some_fixed", [False, True])
@pytest.mark.parametrize("tied", [SHARED, IDENTITY])
def test_marginals_are_those_of_the_inverse(chained: bool, some_fixed: bool, tied: int) -> None:
    """Deviations, and variances of what frames and shared numbers make together; cameras tied or not."""
    hessian, whole = positive_arrow(chained=chained, tied=tied)
    masks = free(some_fixed=some_fixed)
    kept = torch.cat((masks.frame_rows.flatten(), masks.shared))
    covariance = torch.zeros_like(whole)
    index = kept.nonzero().flatten()
    covariance[index[:, None], index] = torch.linalg.inv(whole[index[:, None], index])
    found = Marginals.of(hessian, masks)
    expected = covariance.diagonal().sqrt()
    size = FRAMES * WIDTH
    torch.testing.assert_close(found.frame_deviation.flatten(), expected[:size])
    torch.testing.assert_close(found.shared_deviation, expected[size:])
    slope = torch.randn(7, WIDTH + IDENTITY, dtype=torch.float64)
    frame = 2
    own = slice(frame * WIDTH, (frame + 1) * WIDTH)
    rows = torch.cat((torch.arange(own.start, own.stop), torch.arange(size, size + IDENTITY)))
    together = (slope @ covariance[rows[:, None], rows] * slope).sum(-1)
    variance = found.variance(slice(frame, frame + 1), slope[None, :, :WIDTH], slope[None, :, WIDTH:])
    torch.testing.assert_close(variance[0], together)


def test_a_wider_identity_is_felt_by_all_frames() -> None:
    """What is said of the identity's covariance reaches the frames through their ties."""
    hessian, _ = positive_arrow(chained=True)
    found = Marginals.of(hessian, free(some_fixed=False))
    before = found.frame_deviation
    shared = found.shared_deviation
    found.widen(IDENTITY, 4.0)
    torch.testing.assert_close(found.shared_deviation[:IDENTITY], 2 * shared[:IDENTITY])
    torch.testing.assert_close(found.shared_deviation[IDENTITY:], shared[IDENTITY:])
    assert not torch.allclose(found.frame_deviation, before)
