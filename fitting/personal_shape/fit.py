"""The personal shape: what an actor's neutral head is beyond the head model's identities.

After a fit, the residuals of all views and frames say where the neutral ought to be. The offset is a smooth
field on the skin, shared by all frames. How far it may stray is decided by cameras that it was not made
from: what every camera puts beside the model is a shape, what only some do is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import UsageError
from fitting.fit import FitStart, fit_performance
from fitting.head_model import HeadModel
from fitting.observations import Observations
from fitting.options import FitOptions
from fitting.parameters import CAMERA_GROUPS
from fitting.performance import Performance
from fitting.personal_shape.evidence import ShapeEvidence, gather_evidence
from fitting.personal_shape.model_moves import ModelMoves
from fitting.personal_shape.offset_solver import OffsetSolver
from fitting.posed import personalised
from fitting.solvers.choice import Progress

Array = NDArray[np.float64]

_FIRST_FIT, _ALL = 60, 100
"""Shares of the work, percent."""


@dataclass(frozen=True)
class PersonalShapeOptions:
    """How an offset is found.

    Attributes:
        spreads: metres, the standard deviations of the offset to choose from. The largest is what a head may
            stray from the identities of the model: more than that is a detector's habit.
        reach: metres over which the offset is alike.
        folds: parts that the cameras are dealt into; each in turn judges what the others made.
    """

    spreads: tuple[float, ...] = (0.00025, 0.0005, 0.001)
    reach: float = 0.012
    folds: int = 4

    def __post_init__(self) -> None:
        if not self.spreads or min(self.spreads) <= 0 or not self.reach > 0 or self.folds < 2:
            raise UsageError("a personal shape needs positive spreads, a positive reach and two folds")


@dataclass(frozen=True, eq=False)
class PersonalShape:
    """An offset of the neutral head, and what speaks for it.

    Attributes:
        offset: (V, 3) metres, to be added to the mean head; all zero where no spread held.
        spread: metres, the one that was chosen; 0 where none held.
        gains: by spread in metres, (folds,) the part of the held-out cameras' landmark energy that the offset
            of the other cameras takes away, beyond what the head model does; negative where it adds.
    """

    offset: Array
    spread: float = 0.0
    gains: dict[float, Array] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether there is an offset at all."""
        return self.spread > 0

    def words(self) -> str:
        """What the held-out cameras say of it."""
        if not self.gains:
            return "it takes two cameras that see skin to tell a shape from an error"
        best = self.spread or max(self.gains, key=lambda spread: float(self.gains[spread].mean()))
        change = 100 * float(self.gains[best].mean())
        return f"it takes {change:.1f} % off the landmark energy of cameras that it was not made from"


def fit_personal_shape(
    model: HeadModel,
    observations: Observations,
    rig: Rig,
    dense: Observations | None = None,
    options: FitOptions | None = None,
    shape_options: PersonalShapeOptions | None = None,
    progress: Progress | None = None,
) -> tuple[Performance, PersonalShape]:
    """Fit a sequence, find the actor's personal shape, and fit again on it.

    Args:
        model, observations, rig, options, progress: see :func:`fitting.fit.fit_performance`.
        dense: landmarks of the same frames and cameras that the shape is found from, such as all vertices;
            the observations themselves where there are none.
        shape_options: how the shape is found.

    Returns:
        The performance, which carries the offset, and the shape; where no offset held, the first fit.

    Raises:
        InputError, NoFaceError, SolverError: as the fit does.
    """
    options = FitOptions() if options is None else options
    first = fit_performance(model, observations, rig, options, _part(progress, 0, _FIRST_FIT))
    seen = observations if dense is None else dense
    found = find_personal_shape(model, first, seen, options, shape_options)
    if not found.held:
        return first, found
    again = fit_performance(
        personalised(model, found.offset),
        observations,
        first.rig,
        replace(options, frozen=options.frozen | frozenset(CAMERA_GROUPS)),
        _part(progress, _FIRST_FIT, _ALL),
        FitStart(first.identity, first.expression, first.pose),
    )
    return replace(again, personal_shape=found.offset), found


def find_personal_shape(
    model: HeadModel,
    performance: Performance,
    observations: Observations,
    options: FitOptions | None = None,
    shape_options: PersonalShapeOptions | None = None,
) -> PersonalShape:
    """The smooth offset of the neutral that the residuals of a fit ask for, as far as it holds.

    For each spread, cameras are left out in turn; the others move the head model alone, and the model with an
    offset; those left out judge. The best spread is taken if its gain is beyond chance (more than its
    standard error over the folds).

    Args:
        model: that the performance was fitted with.
        performance: F frames, C cameras.
        observations: of the same frames and cameras; landmarks that are not on the skin count for nothing.
        options: of the fit. shape_options: of the offset.
    """
    options = FitOptions() if options is None else options
    wanted = PersonalShapeOptions() if shape_options is None else shape_options
    solver = OffsetSolver(model, observations.points, wanted.reach)
    evidence = gather_evidence(model, performance, observations, options).masked(solver.on_skin)
    nothing = PersonalShape(np.zeros((len(model.mean), 3)))
    seeing = np.flatnonzero(evidence.views.any(1))
    if len(seeing) < 2 or not solver.on_skin.any():
        return nothing
    finder = _Finder(
        evidence, solver, ModelMoves(model, performance, observations.points), options.systematic
    )
    folds = [seeing[k :: wanted.folds] for k in range(min(wanted.folds, len(seeing)))]
    gains = finder.gains(seeing, folds, wanted.spreads)
    best = max(gains, key=lambda spread: float(gains[spread].mean()))
    error = gains[best].std(ddof=1) / np.sqrt(len(folds))
    if gains[best].mean() <= error:
        return replace(nothing, gains=gains)
    offset, _ = finder.estimate(_Part.of(finder, seeing), best)
    return PersonalShape(offset, best, gains)


@dataclass(frozen=True, eq=False)
class _Part:
    """What some cameras say, for as much as it is worth, and how stiff the head model is to it."""

    information: Array
    pull: Array
    stiffness: Array

    @classmethod
    def of(cls, finder: _Finder, cameras: NDArray[np.int64]) -> _Part:
        information, pull = finder.evidence.believed(cameras, finder.systematic)
        return cls(information, pull, finder.moves.stiffness(information))


@dataclass(frozen=True, eq=False)
class _Finder:
    """Makes offsets from some cameras and judges them by others."""

    evidence: ShapeEvidence
    solver: OffsetSolver
    moves: ModelMoves
    systematic: float

    def estimate(self, part: _Part, spread: float) -> tuple[Array, Array]:
        """The offset (V, 3), and the displacement (L, 3) of the landmarks by it and by the model after it.

        As in the whole fit, the offset comes first and the model follows.
        """
        offset = self.solver.factor(part.information, spread)(part.pull)
        own = self.solver.at_landmarks(offset)
        pressed = np.einsum("lij,lj->li", part.information, own)
        return offset, own + self.moves.follow(part.stiffness, part.pull - pressed)

    def gains(
        self, seeing: NDArray[np.int64], folds: list[NDArray[np.int64]], spreads: tuple[float, ...]
    ) -> dict[float, Array]:
        """What offsets of each spread gain in each fold; see :attr:`PersonalShape.gains`."""
        gains = {spread: np.zeros(len(folds)) for spread in spreads}
        for index, fold in enumerate(folds):
            part = _Part.of(self, np.setdiff1d(seeing, fold))
            without = self.evidence.change(fold, self.moves.follow(part.stiffness, part.pull))
            for spread in spreads:
                _, displacement = self.estimate(part, spread)
                gains[spread][index] = without - self.evidence.change(fold, displacement)
        return gains


def _part(progress: Progress | None, start: int, stop: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total, label: progress(start + (stop - start) * done // max(total, 1), _ALL, label)
