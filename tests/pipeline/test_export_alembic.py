"""The Alembic cache, read through the library's own reader, holds the take."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import MissingDependencyError
from fitting.posed import posed_vertices
from pipeline.export import ExportOptions, export
from tests.pipeline.performances import FRAMES, head_model, performance

alembic3d = pytest.importorskip("alembic3d", reason="the extra 'alembic' is not installed")


def test_every_frame_has_the_models_vertices_at_its_time(tmp_path: Path) -> None:
    """Samples lie at frame / fps seconds, none where frames are missing; faces run clockwise."""
    (file,) = export("alembic", performance(), head_model(), tmp_path)
    archive = alembic3d.Abc.IArchive(str(file))
    mesh = alembic3d.AbcGeom.IPolyMesh(archive.getTop().getChild("head"), "head").getSchema()
    times = [mesh.getTimeSampling().getSampleTime(index) for index in range(mesh.getNumSamples())]
    np.testing.assert_allclose(times, np.array(FRAMES) / 24.0)
    for position, time in enumerate(times):
        sample = mesh.getValue(alembic3d.Abc.ISampleSelector(time))
        points = np.array([tuple(point) for point in sample.getPositions()])
        expected = posed_vertices(head_model(), performance(), position)
        np.testing.assert_allclose(points, expected, atol=1e-6)
    counts = np.array(list(sample.getFaceCounts()))
    first = list(sample.getFaceIndices())[: counts[0]]
    assert first[::-1] == head_model().quads[0][: counts[0]].tolist()
    assert {mesh.getFaceSetNames()[i] for i in range(7)} == set(head_model().parts)


def test_without_the_bindings_the_error_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic is an extra: who asks for it without it is told, and no file is left behind."""
    monkeypatch.setitem(sys.modules, "alembic3d", None)
    with pytest.raises(MissingDependencyError, match="vultus\\[alembic\\]"):
        export("alembic", performance(), head_model(), tmp_path, options=ExportOptions())
    assert list(tmp_path.iterdir()) == []
