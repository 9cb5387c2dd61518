"""Second derivatives of the terms that need no landmarks: priors, walls, and the tolerance of the cameras."""

from __future__ import annotations

import torch
from torch import Tensor

from fitting.energy import shared_part
from fitting.parameters import CAMERA_GROUPS, Parameters
from fitting.problem import Problem
from fitting.solvers.normal_matrix import Hessian

# Frames whose part of E_intersect is held at once: some 20 MB.
_FRAMES_AT_ONCE = 256


def add_prior_curvature(problem: Problem, at: Parameters, hessian: Hessian) -> None:
    """Add to the Hessian what the terms without landmarks bend: one part per term of the energy.

    Args:
        problem: whose options weigh the terms. at: where. hessian: changed in place.
    """
    options, weights = problem.options, problem.options.weights
    span = problem.head.expression_range
    outside = (at.expression < span.low) | (at.expression > span.high)
    joints = torch.zeros_like(at.pose)
    joints[:, 3:12] = weights.joints
    rows = torch.cat((weights.expression / span.unit**2 + weights.bounds * outside, joints), dim=1)
    hessian.frames.diagonal(dim1=-2, dim2=-1).add_(rows)
    faces = len(at.identity)
    hessian.shared[:faces, :faces] += problem.identity_weight * problem.priors.identity.curvature(at.identity)
    _add_contacts(problem, at, hessian)
    sigmas = [getattr(options.cameras, name) for name in CAMERA_GROUPS]
    groups = zip(CAMERA_GROUPS, sigmas, strict=True)
    looseness = [torch.full_like(getattr(at, name), sigma).flatten() for name, sigma in groups]
    hessian.shared[faces:, faces:] += torch.cat(looseness).pow(-2).diag()
    _add_common_focal(problem, at, hessian)
    if problem.scale_of:
        slope = _scale_slope(problem, at)
        hessian.shared += torch.outer(slope, slope)


def _add_contacts(problem: Problem, at: Parameters, hessian: Hessian) -> None:
    contacts = problem.priors.contacts
    if contacts is None:
        return
    weight, shapes, faces = problem.options.weights.intersect, at.expression.shape[1], len(at.identity)
    for start in range(0, len(at.expression), _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        bent = contacts.curvature(at.identity, at.expression[part])
        hessian.frames[part, :shapes, :shapes] += weight * bent.frames
        hessian.ties[part, :shapes, :faces] += weight * bent.ties
        hessian.shared[:faces, :faces] += weight * bent.shared


def _add_common_focal(problem: Problem, at: Parameters, hessian: Hessian) -> None:
    """What the focal lengths of all cameras have in common, as in :func:`fitting.energy.camera_energy`."""
    known, count = problem.options.cameras, len(at.focal)
    first = len(at.identity) + at.camera_rotation.numel() + at.camera_translation.numel()
    block = slice(first, first + count)
    hessian.shared[block, block] -= shared_part(count, known.focal, known.focal_together) / known.focal**2


def _scale_slope(problem: Problem, at: Parameters) -> Tensor:
    """(S,) gradient of the relative length that holds the scale, in tolerances, by the shared numbers."""
    with torch.enable_grad():
        leaf = at.shared.detach().requires_grad_(True)
        relative = problem.extent(at.rebuild(at.frame_rows, leaf)) / problem.given_extent
        (slope,) = torch.autograd.grad(relative, leaf)
    return slope / problem.options.cameras.scale
