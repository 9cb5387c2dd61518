"""The .glb, evaluated by a reader that shares no code with the writer, gives the fitted head."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fitting.posed import neutral_vertices, posed_vertices
from pipeline.export import ExportOptions, export
from tests.pipeline.glb_reader import Float, Glb
from tests.pipeline.performances import FRAMES, head_model, performance

VALIDATE = """
const validator = require('gltf-validator');
const bytes = new Uint8Array(require('fs').readFileSync(process.argv[1]));
validator.validateBytes(bytes).then(report => console.log(JSON.stringify(report.issues)));
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (written,) = export("gltf", performance(), head_model(), tmp_path_factory.mktemp("gltf"))
    return written


def merged(parts: dict[str, Float]) -> Float:
    """The positions (V, 3) by the model's vertex numbers; split vertices must agree."""
    rows = np.concatenate(list(parts.values()))
    vertices = np.full((len(head_model().mean), 3), np.nan)
    vertices[rows[:, 3].astype(int)] = rows[:, :3]
    np.testing.assert_allclose(vertices[rows[:, 3].astype(int)], rows[:, :3], atol=1e-7)
    return vertices


def test_every_animation_key_gives_the_models_vertices(path: Path) -> None:
    """Morph targets, skin and joints together reproduce the posed head to a hundredth of a millimetre."""
    glb, performed = Glb(path), performance()
    for key in range(len(FRAMES)):
        expected = posed_vertices(head_model(), performed, key)
        np.testing.assert_allclose(merged(glb.evaluate(key)), expected, atol=1e-5)


def test_at_rest_it_is_the_neutral_of_this_actor(path: Path) -> None:
    """Without the animation the file shows the identity's neutral in canonical axes."""
    expected = neutral_vertices(head_model(), performance().identity)
    np.testing.assert_allclose(merged(Glb(path).evaluate(None)), expected, atol=1e-6)


def test_times_come_from_frame_numbers(path: Path, tmp_path: Path) -> None:
    """The two missing frames leave a gap of two frames in time; the start frame can be chosen."""
    times, _ = Glb(path).channels()
    np.testing.assert_allclose(times, (np.array(FRAMES) - 1001) / 24.0, atol=1e-6)
    options = ExportOptions(start_frame=990)
    (other,) = export("gltf", performance(), head_model(), tmp_path, options=options)
    assert Glb(other).channels()[0][0] == pytest.approx(11 / 24.0)
    assert Glb(path).json["animations"][0]["extras"]["frames"] == list(FRAMES)


def test_morph_targets_carry_the_arkit_names(path: Path) -> None:
    """Every primitive has one target per name, and the names are the model's."""
    mesh = Glb(path).json["meshes"][0]
    assert mesh["extras"]["targetNames"] == list(head_model().expression_names)
    assert {len(primitive["targets"]) for primitive in mesh["primitives"]} == {52}


def test_parts_have_materials_normals_and_the_texture_layout(path: Path) -> None:
    """Each part is a primitive of its own; normals have unit length; v runs down, as glTF wants it."""
    glb, model = Glb(path), head_model()
    assert set(glb.evaluate(None)) == set(model.parts)
    for primitive in glb.json["meshes"][0]["primitives"]:
        normals = glb.accessor(primitive["attributes"]["NORMAL"])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    rows = np.concatenate(list(glb.evaluate(None).values()))
    found = np.unique(np.round(rows[:, 3:] * [1, 1, -1] + [0, 0, 1], 5), axis=0)
    corners = np.concatenate([model.quads.reshape(-1, 1), model.uv[model.quads_uv].reshape(-1, 2)], axis=1)
    expected = np.unique(np.round(corners.astype(float), 5), axis=0)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_rotations_take_the_short_way_between_keys(path: Path) -> None:
    """Neighbouring quaternions lie in the same half, so that linear players do not spin the head."""
    for (_, what), keys in Glb(path).channels()[1].items():
        if what == "rotation":
            assert (np.sum(keys[1:] * keys[:-1], axis=1) > 0).all()


@pytest.mark.parametrize(
    "options",
    [
        ExportOptions(),
        ExportOptions(subdivision=1),
        ExportOptions(parts=("left_eye", "lashes"), motion="skull"),
    ],
    ids=["plain", "subdivided", "parts"],
)
def test_the_khronos_validator_finds_no_error(tmp_path: Path, options: ExportOptions) -> None:
    """Nor a warning. Runs where node finds the npm module gltf-validator (set NODE_PATH to where it is)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    present = subprocess.run([node, "-e", "require('gltf-validator')"], capture_output=True, env=os.environ)
    if present.returncode != 0:
        pytest.skip("the npm module gltf-validator is not installed; set NODE_PATH to its node_modules")
    (path,) = export("gltf", performance(), head_model(), tmp_path, options=options)
    output = subprocess.run([node, "-e", VALIDATE, str(path)], capture_output=True, check=True, text=True)
    issues = json.loads(output.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
