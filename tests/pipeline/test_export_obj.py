"""OBJ files hold the fitted vertices in the model's order, in the unit that they state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from calibration.errors import InputError, UsageError
from fitting.posed import neutral_vertices, posed_vertices
from pipeline.export import EXPORTERS, ExportOptions, export, exporter
from tests.pipeline.performances import FRAMES, head_model, performance


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the reader's own, over corners without texture
def test_every_frame_reads_back_as_the_models_own_vertices(tmp_path: Path) -> None:
    """An outside reader finds each frame's vertices, in order, under the frame's number."""
    model, performed = head_model(), performance()
    written = export("obj", performed, model, tmp_path, options=ExportOptions(name="actor"))
    assert [path.name for path in written] == [
        *(f"actor.{frame}.obj" for frame in FRAMES),
        "actor.neutral.obj",
    ]
    for position, path in enumerate(written[:-1]):
        mesh = trimesh.load(path, process=False, maintain_order=True)
        assert isinstance(mesh, trimesh.Trimesh)
        np.testing.assert_allclose(mesh.vertices, posed_vertices(model, performed, position), atol=1e-7)
        assert len(mesh.faces) == len(model.triangles)


def test_faces_are_quads_with_texture_corners_in_groups_by_part(tmp_path: Path) -> None:
    """Every quad of the model is there once, with its corners of MakeHuman's layout, in its part's group."""
    model = head_model()
    path = export("obj", performance(), model, tmp_path)[0]
    lines = path.read_text().splitlines()
    corners = [[c.split("/") for c in line.split()[1:]] for line in lines if line.startswith("f ")]
    faces = np.array(corners, int) - 1
    assert faces.shape == (len(model.quads), 4, 2)
    found = {tuple(face) for face in faces.reshape(-1, 8).tolist()}
    expected = np.stack([model.quads, model.quads_uv], axis=-1).reshape(-1, 8)
    assert found == {tuple(face) for face in expected.tolist()}
    assert [line[2:] for line in lines if line.startswith("g ")] == list(model.parts)
    assert sum(line.startswith("vt ") for line in lines) == len(model.uv)


def test_the_unit_is_applied_and_stated(tmp_path: Path) -> None:
    """In millimetres the numbers are a thousand times larger and the header says so."""
    model, performed = head_model(), performance()
    path = export("obj", performed, model, tmp_path, options=ExportOptions(units="mm"))[-1]
    text = path.read_text()
    assert "# units: mm" in text
    positions = np.array([line.split()[1:] for line in text.splitlines() if line[:2] == "v "], float)
    np.testing.assert_allclose(positions, 1000 * neutral_vertices(model, performed.identity), atol=1e-4)


def test_an_unknown_format_or_unit_names_the_known_ones() -> None:
    """The message lists what there is."""
    with pytest.raises(UsageError, match="Known are: alembic, arkit, gltf, npz, obj"):
        exporter("fbx")
    with pytest.raises(UsageError, match="Known are: m, cm, mm"):
        ExportOptions(units="inch")
    with pytest.raises(UsageError, match="head_reference"):
        ExportOptions(head_reference="chest")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="name of a file"):
        ExportOptions(name="a/b")


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_a_folder_that_cannot_be_made_is_told_plainly(name: str, tmp_path: Path) -> None:
    """Where a file stands in the folder's place, the error names it and no partial file is left."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        export(name, performance(), head_model(), tmp_path / "taken")


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_an_export_leaves_only_the_files_that_it_returns(name: str, tmp_path: Path) -> None:
    """No temporary file stays."""
    written = export(name, performance(), head_model(), tmp_path / "new" / "folder")
    assert sorted(written) == sorted((tmp_path / "new" / "folder").iterdir())
