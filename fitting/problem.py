"""The energy of one sequence: its terms put together, evaluated in chunks of frames to bound the memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.camera import Rig
from calibration.errors import SolverError
from calibration.projection import CameraTensors, project
from fitting.energy import (
    baseline,
    bounds_energy,
    camera_energy,
    expression_energy,
    joints_energy,
    scale_energy,
    temporal_energy,
)
from fitting.head_model import HeadPoints
from fitting.head_motion import head_size, moved_points
from fitting.head_priors import HeadPriors
from fitting.landmark_term import Landmarks, landmarks_seen
from fitting.observations import Observations
from fitting.options import FitOptions
from fitting.parameters import CAMERA_GROUPS, Parameters

# Landmarks (frames x cameras x landmarks) evaluated at once: few enough to stay in a processor's cache.
_CHUNK_LANDMARKS = 100_000


@dataclass
class Problem:
    """Everything that stays the same while Phi changes; F frames, C cameras, L landmarks.

    Attributes:
        head: the head model restricted to the L landmarks.
        mean: (F, C, L, 2) pixels, finite throughout. precision: (F, C, L) 1 / px^2, 0 where not seen.
        seconds: (F - 1,) time from each frame to the next.
        cameras: the given cameras.
        options: the settings.
        frames: (F,) frame numbers and names: (C,) camera names, for messages.
        priors: what the head model says of likely heads.
        known_identity: (B,) the identity at the start; the mean one if not said.
    """

    head: HeadPoints
    mean: Tensor
    precision: Tensor
    seconds: Tensor
    cameras: CameraTensors
    options: FitOptions
    frames: NDArray[np.int64]
    names: tuple[str, ...]
    priors: HeadPriors = field(default_factory=HeadPriors)
    known_identity: Tensor | None = None

    @classmethod
    def build(
        cls,
        head: HeadPoints,
        observations: Observations,
        sigma: NDArray[np.floating],
        rig: Rig,
        options: FitOptions,
        like: Tensor,
    ) -> Problem:
        """Bring the observations to the device of `like`; sigma (F, C, L) replaces theirs.

        Landmarks are kept in single precision: a ten thousandth of a pixel, for half the memory.
        """
        used = observations.used
        mean = observations.mean.astype(np.float32)
        mean[~used] = 0.0
        precision = np.zeros(used.shape, dtype=np.float32)
        np.divide(1.0, sigma, out=precision, where=used, casting="same_kind")
        seconds = np.diff(observations.frames) / observations.fps
        return cls(
            head,
            torch.from_numpy(mean).to(like.device),
            torch.from_numpy(np.square(precision, out=precision)).to(like.device),
            torch.as_tensor(seconds, dtype=like.dtype, device=like.device),
            CameraTensors.from_rig(rig, like.device, like.dtype),
            options,
            observations.frames,
            rig.names,
        )

    def chunks(self, first: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """(start, stop) of frame chunks that are evaluated at once, of all frames or from one to another."""
        count, cameras, points = self.precision.shape
        step, end = max(1, _CHUNK_LANDMARKS // (cameras * points)), count if end is None else end
        for start in range(first, end, step):
            yield start, min(start + step, end)

    def energy(self, parameters: Parameters) -> float:
        """The total energy; its gradient is added to the `.grad` of parameters that require one."""
        total = 0.0
        for start, stop in self.chunks():
            energy = torch.stack(list(self.frame_terms(parameters, start, stop).values())).sum()
            if not torch.isfinite(energy):
                raise self._not_finite(parameters, start, stop)
            total += self._accumulate(energy)
        return total + self._accumulate(torch.stack(list(self.shared_terms(parameters).values())).sum())

    @staticmethod
    def _accumulate(energy: Tensor) -> float:
        if energy.requires_grad:
            energy.backward()  # type: ignore[no-untyped-call]
        return float(energy.detach())

    @torch.no_grad()
    def energies(self, parameters: Parameters, first: int = 0, end: int | None = None) -> dict[str, float]:
        """The weighted energy of each term, of all frames or from one to another, and "total"."""
        sums: dict[str, float] = {}
        for start, stop in self.chunks(first, end):
            for name, value in self.frame_terms(parameters, start, stop).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        sums |= {name: float(value) for name, value in self.shared_terms(parameters).items()}
        return sums | {"total": sum(sums.values())}

    def frame_terms(self, parameters: Parameters, start: int, stop: int) -> dict[str, Tensor]:
        """The weighted terms of frames start to stop, with their tie to the frame before."""
        weights = self.options.weights
        before = max(0, start - 1)
        around = parameters.window(before, stop)
        points = moved_points(self.head, around.identity, around.expression, around.pose)
        own, span = slice(start - before, None), self.head.expression_range
        landmarks = landmarks_seen(points[own], parameters.cameras(self.cameras), self.seen(start, stop))
        terms = {
            "landmarks": weights.landmarks * landmarks,
            "expression": weights.expression * expression_energy(around.expression[own] / span.unit),
            "bounds": weights.bounds * bounds_energy(around.expression[own], span.low, span.high),
            "joints": weights.joints * joints_energy(around.pose[own]),
            "temporal": weights.temporal * temporal_energy(points, self.seconds[before : stop - 1]),
        }
        if self.priors.contacts is not None:
            intersection = self.priors.contacts.energy(around.identity, around.expression[own])
            terms["intersect"] = weights.intersect * intersection
        return terms

    def seen(self, start: int, stop: int) -> Landmarks:
        """The landmarks of frames start to stop, in the precision of the head."""
        mean, precision = (each[start:stop].to(self.seconds) for each in (self.mean, self.precision))
        return Landmarks(mean, precision, self.options.robust, self.options.robust_scale)

    def shared_terms(self, parameters: Parameters) -> dict[str, Tensor]:
        """The weighted terms of what all frames share."""
        options = self.options
        terms = {"identity": self.identity_weight * self.priors.identity.energy(parameters.identity)}
        for group in CAMERA_GROUPS:
            if group not in options.frozen:
                sigma = getattr(options.cameras, group)
                together = options.cameras.focal_together if group == "focal" else 0.0
                terms[group] = camera_energy(getattr(parameters, group), sigma, together)
        if self.scale_of:
            terms["scale"] = scale_energy(self.extent(parameters), self.given_extent, options.cameras.scale)
        return terms

    @property
    def identity_weight(self) -> float:
        """The weight of E_identity; see :attr:`FitOptions.systematic`."""
        views = float((self.precision > 0).sum()) / self.precision.shape[2]
        return self.options.weights.identity * (1 + self.options.systematic * views)

    @property
    def scale_of(self) -> str:
        """What holds the scale, a name in :data:`fitting.options.SCALES`; "" where cameras that stay do."""
        if len(self.names) == 1:
            return "head"
        moving, count = self.options.moving, len(self.names)
        stay = count if "camera_translation" in self.options.frozen else 0
        stay = count - len(moving) if not stay and moving is not None else stay
        return "" if stay > 1 else self.options.cameras.scale_of

    def extent(self, parameters: Parameters) -> Tensor:
        """Metres: the length that holds the scale."""
        return self._extent(parameters.cameras(self.cameras), parameters.identity)

    @property
    def given_extent(self) -> Tensor:
        """The same at the start."""
        mean_head = self.mean.new_zeros(self.head.vertices.identity_size)
        return self._extent(self.cameras, mean_head if self.known_identity is None else self.known_identity)

    def _extent(self, cameras: CameraTensors, identity: Tensor) -> Tensor:
        if self.scale_of == "head":
            return head_size(self.head, identity)
        chosen = list(self.options.cameras.pair or range(len(self.names)))
        return baseline(cameras.translation[chosen], cameras.rotation[chosen])

    @torch.no_grad()
    def residuals_px(self, parameters: Parameters) -> Tensor:
        """(F, C, L) pixels between seen and projected landmark; NaN where not seen. Single precision."""
        distance = torch.empty_like(self.precision)
        for start, stop in self.chunks():
            each = parameters.window(start, stop)
            points = moved_points(self.head, each.identity, each.expression, each.pose)
            apart = project(points, parameters.cameras(self.cameras)) - self.mean[start:stop]
            seen = self.precision[start:stop] > 0
            distance[start:stop] = apart.norm(dim=-1).masked_fill(~seen, torch.nan)
        return distance

    def _not_finite(self, parameters: Parameters, start: int, stop: int) -> SolverError:
        residual = self.residuals_px(parameters)[start:stop]
        bad = ((self.precision[start:stop] > 0) & ~residual.isfinite()).any(-1).nonzero()
        where = f"Frames {self.frames[start]} to {self.frames[stop - 1]}"
        if len(bad):
            frame, camera = bad[0].tolist()
            where = f"Frame {self.frames[start + frame]}, camera {self.names[camera]}"
        return SolverError(
            "the energy is no finite number", where=where, fix="Check this camera's landmarks and lens"
        )
