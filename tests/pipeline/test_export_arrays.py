"""PLY and NPZ: the take for viewers and scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from fitting.posed import posed_vertices
from pipeline.export import ExportOptions, export
from tests.pipeline.performances import FRAMES, head_model, performance


def test_ply_files_read_back_as_the_fitted_vertices(tmp_path: Path) -> None:
    """An outside reader finds each frame under its number, in the model's order of vertices."""
    written = export("ply", performance(), head_model(), tmp_path, options=ExportOptions(units="mm"))
    assert [path.name for path in written] == [f"head.{frame}.ply" for frame in FRAMES]
    for position in (0, len(FRAMES) - 1):
        mesh = trimesh.load(written[position], process=False)
        expected = 1000 * posed_vertices(head_model(), performance(), position)
        np.testing.assert_allclose(mesh.vertices, expected, atol=1e-3)
        np.testing.assert_array_equal(mesh.faces, head_model().triangles)


def test_arrays_are_read_with_numpy_alone(tmp_path: Path) -> None:
    """Vertices, names and frame numbers are there, and nothing in the file needs to be unpickled."""
    (file,) = export("npz", performance(), head_model(), tmp_path)
    with np.load(file, allow_pickle=False) as arrays:
        assert tuple(arrays["frames"]) == FRAMES
        assert tuple(arrays["expression_names"]) == head_model().expression_names
        for position, vertices in enumerate(arrays["vertices"]):
            expected = posed_vertices(head_model(), performance(), position)
            np.testing.assert_allclose(vertices, expected, atol=1e-6)
        assert set(arrays["part"]) == set(head_model().parts)
        assert {len(arrays[name]) for name in ("faces", "faces_uv", "part")} == {len(head_model().quads)}
