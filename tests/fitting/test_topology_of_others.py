"""Meshes that others made register as they come: a light-stage head with all its parts, and a whole body."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from fitting.head_models.obj_file import ObjMesh, read_obj
from fitting.model_arrays import as_array
from fitting.topology.islands import FOLLOWED
from fitting.topology.registration import fitted_head, register_mesh
from fitting.topology.transfer import carry
from tests.fitting.scenes import head

LIGHT_STAGE = Path(__file__).parents[2].parent / "shared" / "shoots" / "rig8_a" / "truth" / "mesh.npz"

pytestmark = pytest.mark.slow


def test_a_light_stage_head_is_registered_with_its_teeth_and_gums() -> None:
    """A person whom our model has never seen, in millimetres, 26,719 vertices: every tooth is a tooth, half
    of the face is within a millimetre, and an opening jaw takes the lower gums along and not the upper.
    """
    if not LIGHT_STAGE.is_file():
        pytest.skip("the shared shoot rig8_a is not here")
    with np.load(LIGHT_STAGE) as truth:
        quads = truth["quads"].astype(np.int64)
        quads = np.where(quads < 0, quads[:, 2:3], quads)
        vertices = truth["neutral_mm"].astype(np.float64)
        face, teeth, gums = (truth[f"idx_{name}"] for name in ("narrow_face", "teeth", "gums_tongue"))
    names = np.full(len(quads), "")
    found = register_mesh(ObjMesh(vertices, np.zeros((1, 2)), quads, np.zeros_like(quads), names), head())
    assert found.unit == "mm"
    assert found.covered > 0.95
    recognised = np.array(FOLLOWED)[found.binding.part]
    assert np.isin(recognised[teeth], ["upper_teeth", "lower_teeth"]).all()
    assert np.median(found.binding.distance[face]) < 1e-3
    ours = fitted_head(head(), found.identity)
    carried = carry(found.neutral, found.eyes, found.binding, ours, ours)
    opened = carried.expressions[head().expression_names.index("jawOpen")][gums]
    moved, height = np.linalg.norm(opened, axis=1), found.neutral[gums, 1]
    assert np.median(moved[height > np.quantile(height, 0.85)]) < 1e-3
    assert np.median(moved[height < np.quantile(height, 0.15)]) > 0.01


def test_a_whole_body_is_registered_by_its_head() -> None:
    """Of a body of 1.6 m in a topology of its own, the head is found; hands have no expression."""
    path = resources.files("anny").joinpath("data/soma/SOMA_wrap.obj")
    found = register_mesh(read_obj(Path(str(path)), polygons=True), head())
    assert (found.unit, found.covered > 0.95) == ("m", True)
    near = found.binding.hold >= 1.0
    assert np.median(found.binding.distance[near]) < 5e-4
    ours = fitted_head(head(), found.identity)
    carried = carry(found.neutral, found.eyes, found.binding, ours, ours)
    hands = np.abs(found.neutral[:, 0]) > 0.4
    assert hands.sum() > 500
    assert np.abs(carried.expressions[:, hands]).max() == 0.0
    strongest = np.abs(as_array(head().expression_basis)).max()
    assert np.abs(carried.expressions[:, near]).max() > 0.8 * strongest
