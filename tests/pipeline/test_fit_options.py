"""What a shoot file says of the fit reaches the solver."""

from __future__ import annotations

from dataclasses import fields

import pytest

from fitting.identity_prior import PRIORS
from fitting.options import FitOptions, FitWeights
from fitting.robust import KERNELS
from pipeline.shoot.settings import FitSettings, FitWeightSettings
from pipeline.stages.fit import fit_options


def test_a_file_that_says_nothing_leaves_the_defaults() -> None:
    """Nothing in the file, nothing changed."""
    assert fit_options(FitSettings()).weights == FitWeights()
    assert fit_options(FitSettings()).identity_prior == FitOptions().identity_prior


def test_every_weight_of_the_energy_can_be_set_for_a_shoot() -> None:
    """The table [fit.weights] has the solver's own names, and what it says arrives."""
    names = [field.name for field in fields(FitWeights)]
    assert sorted(FitWeightSettings.model_fields) == sorted(names)
    chosen = FitSettings(weights=FitWeightSettings(**dict.fromkeys(names, 7.0)))
    assert fit_options(chosen).weights == FitWeights(*[7.0] * len(names))


@pytest.mark.parametrize("robust", KERNELS)
@pytest.mark.parametrize("prior", PRIORS)
def test_kernel_and_prior_can_be_chosen_for_a_shoot(robust: str, prior: str) -> None:
    """All kernels and priors that the fit knows are legal in a shoot file."""
    options = fit_options(FitSettings.model_validate({"robust": robust, "identity_prior": prior}))
    assert (options.robust, options.identity_prior) == (robust, prior)
