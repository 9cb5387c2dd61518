"""What becomes of a fit as the weight of each term changes, one at a time: how the defaults were found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from fitting.detector_noise import detector_noise
from fitting.options import FitOptions, FitWeights
from pipeline.accuracy import Case

FACTORS = (0.0, 0.1, 0.3, 3.0, 10.0)
"""Of the default weight; without landmarks nothing is fitted, so that theirs is never 0."""
CAMERAS = (3, 1)
LANDMARKS = "dense320"
HABIT, WANDER, ALONE = 1.5, 1.0, 0.7
"""Pixels of 0.6 mm. The released network is about so far off on faces that it has not seen."""


def sweep() -> Iterator[Case]:
    """A line with the default weights, then one for each weight and factor; for several cameras and one."""
    noise, given = detector_noise(HABIT, WANDER, ALONE), FitOptions()
    for cameras in CAMERAS:
        yield Case("default weights", "as they are", cameras, LANDMARKS, noise, given)
        for name in (field.name for field in fields(FitWeights)):
            usual = float(getattr(given.weights, name))
            for weight in _weights(name, usual):
                options = replace(given, weights=replace(given.weights, **{name: weight}))
                yield Case(name, f"{weight:g}", cameras, LANDMARKS, noise, options)


def _weights(name: str, usual: float) -> list[float]:
    factors = FACTORS[1:] if name == "landmarks" else FACTORS
    return [factor * usual for factor in factors]
