"""The sweep by which the weights of the energy were found."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from click.testing import CliRunner

from fitting.detector_noise import detector_noise
from fitting.head_model import load_head_model
from fitting.options import FitOptions, FitWeights
from fitting.rehearsal import rehearse, studio
from pipeline.cli import main
from pipeline.weight_sweep import CAMERAS, sweep


def test_every_weight_is_varied_alone_around_its_default() -> None:
    """Each line differs from the defaults in one weight, and every weight has its lines."""
    usual, varied = FitWeights(), set()
    for case in sweep():
        changed = {
            f.name for f in fields(usual) if getattr(case.options.weights, f.name) != getattr(usual, f.name)
        }
        assert changed <= {case.table}
        varied |= changed
    assert varied == {field.name for field in fields(usual)}
    assert {case.cameras for case in sweep()} == set(CAMERAS)
    assert all(case.options.frozen == FitOptions().frozen for case in sweep())


def test_a_detector_errs_alike_for_neighbours_and_keeps_its_habits() -> None:
    """Errors have the spread that sigma states, neighbours share them, and habits last."""
    model = load_head_model()
    truth = rehearse(model, model.ibug68, studio(2), 6)
    noisy = truth.seen(detector_noise(2.0, 1.0, 0.5))
    errors = noisy.mean - truth.observations.mean
    assert np.allclose(noisy.sigma, np.sqrt(5.25))
    assert 0.6 < errors.std() / noisy.sigma[0, 0, 0] < 1.4
    # the lids' landmarks 37 and 38 are close, the chin 8 and a brow 19 are far apart
    near, far = (np.abs(errors[:, :, a] - errors[:, :, b]).mean() for a, b in ((37, 38), (8, 19)))
    assert near < 0.6 * far
    lasting = errors.mean(axis=0)
    assert lasting.std() > 0.6 * errors.std()


def test_the_sweep_is_a_part_of_bench_accuracy() -> None:
    """The command names it; a table that is not of the sweep is refused with those that are."""
    result = CliRunner().invoke(main, ["bench", "accuracy", "--sweep", "--table", "density"])
    assert result.exit_code == 2
    assert "temporal" in result.output
