"""Solving with the normal matrix, against the dense matrix that it stands for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from calibration.errors import SolverError
from fitting.parameters import Parameters
from fitting.solvers.arrow import Arrow
from fitting.solvers.normal_matrix import Hessian

FRAMES, EXPRESSIONS, FACES, CAMERAS = 5, 2, 3, 1
WIDTH, SHARED = EXPRESSIONS + 15, FACES + 12 * CAMERAS


def numbers(*shape: int) -> Tensor:
    """Random numbers, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def arrow(*, chained: bool) -> Hessian:
    """A positive definite arrow, with or without ties from frame to frame."""
    frames = numbers(FRAMES, WIDTH, WIDTH)
    frames = frames @ frames.mT + 60 * torch.eye(WIDTH).double()
    between = numbers(FRAMES - 1, WIDTH, WIDTH) if chained else None
    return Hessian(
        frames, numbers(FRAMES, WIDTH, SHARED), 2e2 * torch.eye(SHARED, dtype=torch.float64), between
    )


def dense(hessian: Hessian) -> Tensor:
    """The same matrix, written out."""
    tied = FRAMES * WIDTH
    matrix = torch.zeros(tied + SHARED, tied + SHARED, dtype=torch.float64)
    matrix[tied:, tied:] = hessian.shared
    matrix[:tied, tied:] = hessian.ties.flatten(0, 1)
    matrix[tied:, :tied] = matrix[:tied, tied:].T
    for frame, block in enumerate(hessian.frames):
        here = slice(frame * WIDTH, (frame + 1) * WIDTH)
        matrix[here, here] = block
    for frame, block in enumerate(() if hessian.between is None else hessian.between):
        here, there = (
            slice(frame * WIDTH, (frame + 1) * WIDTH),
            slice((frame + 1) * WIDTH, (frame + 2) * WIDTH),
        )
        matrix[here, there] = block
        matrix[there, here] = block.T
    return matrix


def masks(*, frozen: bool) -> Parameters:
    """All numbers free, or a third of them frozen."""
    sizes = (
        (FACES,),
        (FRAMES, EXPRESSIONS),
        (FRAMES, 15),
        (CAMERAS, 3),
        (CAMERAS, 3),
        (CAMERAS, 1),
        (CAMERAS, 5),
    )
    generator = torch.Generator().manual_seed(2)
    return Parameters(*(torch.rand(size, generator=generator) > (0.3 if frozen else -1) for size in sizes))


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_a_step_is_that_of_the_dense_matrix(chained: bool, frozen: bool, damping: float) -> None:
    """With frames tied or not, numbers frozen or not, damped or not: the solution is the dense one."""
    hessian, free = arrow(chained=chained), masks(frozen=frozen)
    rows, shared = numbers(FRAMES, WIDTH), numbers(SHARED)
    factor = Arrow.factorised(hessian, free, damping)
    step = factor.unwhiten(*factor.whiten(rows, shared))
    kept = torch.cat((free.frame_rows.flatten(), free.shared))
    matrix = dense(hessian)
    matrix = (matrix + damping * matrix.diagonal().diag())[kept][:, kept]
    expected = torch.zeros(len(kept), dtype=torch.float64)
    expected[kept] = torch.linalg.solve(matrix, torch.cat((rows.flatten(), shared))[kept])
    torch.testing.assert_close(torch.cat((step[0].flatten(), step[1])), expected)


def test_round_coordinates_measure_a_step_in_standard_deviations() -> None:
    """The squared length of a whitened gradient is g^T H^-1 g."""
    hessian, free = arrow(chained=True), masks(frozen=False)
    rows, shared = numbers(FRAMES, WIDTH), numbers(SHARED)
    white = Arrow.factorised(hessian, free).whiten(rows, shared)
    flat = torch.cat((rows.flatten(), shared))
    expected = flat @ torch.linalg.solve(dense(hessian), flat)
    assert sum(float((each**2).sum()) for each in white) == pytest.approx(float(expected))


def test_a_matrix_that_no_fit_could_have_is_refused() -> None:
    """A matrix that is not positive definite says so, rather than giving a step that climbs."""
    hessian = arrow(chained=False)
    hessian.frames[2] = -hessian.frames[2]
    with pytest.raises(SolverError, match="cannot be factorised"):
        Arrow.factorised(hessian, masks(frozen=False))
