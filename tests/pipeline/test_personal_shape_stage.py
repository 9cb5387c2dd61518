"""From landmarks of all vertices to a performance that carries the actor's own shape."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from calibration.errors import UsageError
from fitting.head_model import HeadModel, load_head_model
from fitting.posed import neutral_vertices
from pipeline.sightings import read_sightings, to_be_fitted
from pipeline.stages import calibrate, export, fit
from pipeline.stores.performance import read_performance
from tests.pipeline.synthetic_shoot import SyntheticShoot, write_landmarks, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
SWELLING = np.array([0.05, -0.035, 0.005])
"""Where, metres of the canonical head."""

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


READER = pytest.mark.filterwarnings("ignore::RuntimeWarning")
"""The OBJ reader's own, over corners without texture."""


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory, model: HeadModel) -> SyntheticShoot:
    """A shoot of a head with one cheek swollen by 8 mm, of which all vertices were seen."""
    extra = '[fit]\npersonal_shape = true\n[export]\nformats = ["obj"]\n'
    synthetic = write_synthetic_shoot(tmp_path_factory.mktemp("cheek"), model, extra=extra)
    calibrate.main(synthetic.shoot)
    mean = model.mean.numpy()
    swollen = 0.008 * np.exp(-0.5 * (np.linalg.norm(mean - SWELLING, axis=1) / 0.012) ** 2)
    vertices = synthetic.vertices + swollen[:, None] * [0.7, 0.0, 0.7]
    write_landmarks(synthetic.shoot.with_changes(detect={"layout": "vertices"}), model, vertices)
    shoot = synthetic.shoot.with_changes(detect={"layout": "dense320"}, fit={"max_iterations": 20})
    return replace(synthetic, shoot=shoot)


@READER
def test_the_fit_stage_finds_and_keeps_the_personal_shape(
    hooked: SyntheticShoot, model: HeadModel, caplog: pytest.LogCaptureFixture
) -> None:
    """The file has the offset, it is largest at the cheek, and the exported neutral has it too."""
    with caplog.at_level(logging.INFO, logger="pipeline"):
        performance, info = read_performance(fit.main(hooked.shoot))
    assert "Fit: personal shape of at most" in caplog.text
    assert info.layout == "dense320"
    assert performance.personal_shape is not None
    size = np.linalg.norm(performance.personal_shape, axis=1)
    assert 1e-3 < size.max() < 9e-3
    assert np.linalg.norm(model.mean.numpy()[size.argmax()] - SWELLING) < 0.02
    neutral = next((export.main(hooked.shoot) / "obj").glob("*neutral.obj"))
    mesh = trimesh.load(neutral, process=False, maintain_order=True)
    expected = neutral_vertices(model, performance.identity, performance.personal_shape)
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-6)


def test_the_file_says_what_is_fitted_and_the_personal_shape_what_is_detected(
    hooked: SyntheticShoot, model: HeadModel
) -> None:
    """All vertices are detected; the 68 landmarks of the shoot file are taken from between them."""
    shoot = hooked.shoot.with_changes(detect={"layout": "ibug68"})
    assert (shoot.layout, shoot.fit_layout) == ("vertices", "ibug68")
    seen = read_sightings(shoot, model)
    chosen = to_be_fitted(shoot, seen, model).observations
    assert (seen.observations.shape[2], chosen.shape[2]) == (len(model.mean), 68)
    expected = model.ibug68.evaluate(seen.observations.mean[0, 1])
    np.testing.assert_allclose(chosen.mean[0, 1], expected, atol=1e-6)


def test_a_value_that_is_no_choice_is_refused(tmp_path: Path, model: HeadModel) -> None:
    """personal_shape is yes or no."""
    synthetic = write_synthetic_shoot(tmp_path, model)
    with pytest.raises(UsageError, match="personal_shape"):
        synthetic.shoot.with_changes(fit={"personal_shape": "maybe"})
