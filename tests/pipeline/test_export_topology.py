"""Takes on the user's own mesh and in their own blend shapes, in every format."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdSkel

from calibration.errors import InputError, UsageError
from fitting.posed import posed_vertices
from fitting.topology.shapes import ShapeSet
from fitting.topology.store import Topology, read_topology, topology_names, write_topology
from pipeline.cli import main
from pipeline.export import export
from pipeline.export.options import ExportOptions
from pipeline.export.scene import build_scene
from pipeline.export.topology import check_model, shape_fit
from pipeline.stores.performance import ModelInfo, write_performance
from tests.fitting.user_meshes import user_mesh, write_user_mesh
from tests.pipeline.performances import FRAMES, head_model, performance
from tests.pipeline.synthetic_shoot import write_synthetic_shoot

Array = NDArray[np.float64]

SHAPES = ("jawOpen", "mouthSmileLeft", "eyeBlinkRight", "eyeLookUpLeft", "browInnerUp")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's files and a data folder in which they are registered as ``hero``."""
    folder = tmp_path_factory.mktemp("studio")
    neutral = write_user_mesh(folder / "user", SHAPES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VULTUS_DATA", str(folder / "data"))
        status, out = run(
            "topology", "register", neutral, "--name", "hero", "--units", "cm",
            "--shapes", neutral.parent / "shapes", "--output", folder / "hero.png",
        )  # fmt: skip
    assert status == 0, out
    assert "5: browInnerUp, eyeBlinkRight, eyeLookUpLeft, jawOpen, mouthSmileLeft; weights from 0 to 1" in out
    assert "cheeks" in out
    return folder


@pytest.fixture(autouse=True)
def own_data(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_DATA", str(studio / "data"))


@pytest.fixture(scope="module")
def hero(studio: Path) -> Topology:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VULTUS_DATA", str(studio / "data"))
        return read_topology("hero")


def with_our_shapes(hero: Topology) -> Topology:
    """With all 52 of ours as the user's own, exactly as the take has them on the mesh."""
    plain = replace(hero, shapes=None)
    scene = build_scene(performance(), head_model(), ExportOptions(topology=plain))
    return replace(hero, shapes=ShapeSet(scene.expression_names, scene.skin.expressions))


def test_frames_are_the_truth_on_the_users_vertices(hero: Topology) -> None:
    """In the world and in motion, half of the skin is within 0.3 mm of our posed surface at its points, and
    95 % within 1.5 mm, though the mesh was made of another person.
    """
    scene = build_scene(performance(), head_model(), ExportOptions(topology=replace(hero, shapes=None)))
    skin = user_mesh().part == "skin"
    for position in range(len(FRAMES)):
        truth = user_mesh().carry(posed_vertices(head_model(), performance(), position))
        apart = np.linalg.norm(scene.posed(position) - truth, axis=1)[skin]
        assert np.median(apart) < 3e-4
        assert np.quantile(apart, 0.95) < 1.5e-3
    assert scene.expression_names == head_model().expression_names


def test_our_own_shapes_come_back_with_our_own_weights(hero: Topology) -> None:
    """Where their shapes explain the take exactly, so do the weights, to a thousandth; nothing is left."""
    found = shape_fit(performance(), head_model(), with_our_shapes(hero))
    np.testing.assert_allclose(found.weights, performance().expression, atol=1e-3)
    assert found.residual_mm.max() < 2e-3


def test_shapes_from_files_nearly_do(hero: Topology) -> None:
    """Five shapes cannot be the take: the residual says by how much, frame by frame, and weights keep to
    their range; a take of those five alone leaves half a millimetre at most, with weights right to 0.05.
    """
    assert hero.shapes is not None
    short = shape_fit(performance(), head_model(), hero)
    assert short.residual_mm[:, 0].min() > 1.0
    assert (short.weights >= 0.0).all()
    assert (short.weights <= 1.0).all()
    place = [head_model().expression_names.index(name) for name in hero.shapes.names]
    only = np.zeros((len(FRAMES), 52))
    only[:, place] = performance().expression[:, place]
    found = shape_fit(replace(performance(), expression=only), head_model(), hero)
    np.testing.assert_allclose(found.weights, only[:, place], atol=0.05)
    assert found.residual_mm[:, 0].max() < 0.5


def test_every_format_has_the_users_mesh(hero: Topology, studio: Path, tmp_path: Path) -> None:
    """Vertices, n-gons, texture coordinates, groups and shapes are the user's, in its order."""
    options = ExportOptions(name="take", topology=hero, units="cm")
    written = {
        name: export(name, performance(), head_model(), tmp_path / name, options=options)
        for name in ("npz", "obj", "ply", "gltf", "usd")
    }
    arrays = np.load(written["npz"][0])
    assert arrays["vertices"].shape == (len(FRAMES), len(user_mesh().part), 3)
    assert tuple(arrays["expression_names"]) == tuple(sorted(SHAPES))
    sent, came = (path.read_text() for path in (studio / "user" / "hero.obj", written["obj"][0]))
    assert _lines(came, "f ") == _lines(sent, "f ")
    assert _lines(came, "g ") == _lines(sent, "g ")
    assert _lines(came, "vt ") == _lines(sent, "vt ")
    ply = trimesh.load(written["ply"][1], process=False)
    np.testing.assert_allclose(ply.vertices, arrays["vertices"][1], atol=1e-4)
    stage = Usd.Stage.Open(str(written["usd"][1]))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
    assert sorted(counts) == sorted(map(len, user_mesh().faces))
    assert list(UsdSkel.BindingAPI(mesh).GetBlendShapesAttr().Get()) == sorted(SHAPES)
    assert all(path.stat().st_size > 1000 for paths in written.values() for path in paths)


def _lines(text: str, head: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(head)]


def test_alembic_has_the_users_faces(hero: Topology, tmp_path: Path) -> None:
    """N-gons with as many corners as in the file."""
    abc = pytest.importorskip("alembic3d")
    options = ExportOptions(name="take", topology=replace(hero, shapes=None))
    (path,) = export("alembic", performance(), head_model(), tmp_path, options=options)
    mesh = abc.AbcGeom.IPolyMesh(abc.Abc.IArchive(str(path)).getTop().getChild("head"), "take")
    counts = list(mesh.getSchema().getValue().getFaceCounts())
    assert sorted(counts) == sorted(map(len, user_mesh().faces))


def test_names_that_a_format_cannot_have_are_changed_and_stay_apart(hero: Topology, tmp_path: Path) -> None:
    """Shapes and groups are called anything; USD gets valid names, and two that become one stay two."""
    assert hero.shapes is not None
    shapes = replace(hero.shapes, names=("brow.L", "brow-L", "1st", "jaw open", "x"))
    groups = np.where(hero.groups == "skin", "chr:hero/skin mesh", hero.groups)
    odd = replace(hero, shapes=shapes, groups=groups)
    paths = export("usd", performance(), head_model(), tmp_path, options=ExportOptions(topology=odd))
    stage = Usd.Stage.Open(str(paths[1]))
    mesh = stage.GetPrimAtPath("/head/mesh")
    targets = UsdSkel.BindingAPI(mesh).GetBlendShapeTargetsRel().GetTargets()
    assert len({target.name for target in targets}) == 5
    assert list(UsdSkel.BindingAPI(mesh).GetBlendShapesAttr().Get()) == list(shapes.names)


def test_groups_are_parts_and_the_mesh_can_be_subdivided(hero: Topology) -> None:
    """--part takes the user's groups, and every n-gon becomes as many quads."""
    scene = build_scene(performance(), head_model(), ExportOptions(topology=hero, parts=("skin",)))
    assert set(scene.surface.parts) == {"skin"}
    assert (user_mesh().part[scene.surface.source] == "skin").all()
    fine = build_scene(performance(), head_model(), ExportOptions(topology=hero, subdivision=1))
    assert len(fine.surface.quads) == sum(map(len, user_mesh().faces))
    with pytest.raises(UsageError, match=r"no part 'nose'.*left_eye"):
        build_scene(performance(), head_model(), ExportOptions(topology=hero, parts=("nose",)))


def test_a_shoot_comes_out_on_the_topology(studio: Path, tmp_path: Path) -> None:
    """From the command line: the mesh in the formats asked for, and tables of weights and residuals."""
    shoot = write_synthetic_shoot(tmp_path / "turn", head_model()).shoot
    model = head_model()
    info = ModelInfo(model.traits.name, tuple(model.expression_names), tuple(model.joint_names), "ibug68")
    write_performance(shoot.performance_file, performance(), info, fingerprint="x")
    status, out = run("export", shoot.root, "--topology", "hero", "--format", "obj", "--frame-offset", "10")
    assert status == 0, out
    assert "5 shapes of the topology leave" in out
    mesh = (shoot.export_folder / "obj" / "turn.1011.obj").read_text()
    assert len(_lines(mesh, "v ")) == len(user_mesh().part)
    with (shoot.export_folder / "topology" / "turn_weights.csv").open(newline="") as file:
        header, first, *_ = csv.reader(file)
    assert header == ["frame", *sorted(SHAPES)]
    assert first[0] == "1011"
    with (shoot.export_folder / "topology" / "turn_residual.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["frame", "rms_mm", "p95_mm", "max_mm"]
    assert run("export", shoot.root, "--topology", "villain")[0] == 2
    picture = cv2.imread(str(studio / "hero.png"))
    assert picture is not None
    assert picture.std() > 20


def test_topologies_are_listed_shown_and_removed(studio: Path, hero: Topology) -> None:
    """A name that is not there lists those that are."""
    write_topology(replace(hero, name="double"))
    status, out = run("topology", "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["topology", "double", "hero"]
    assert run("topology", "remove", "double")[0] == 0
    assert topology_names() == ("hero",)
    status, out = run("topology", "show", "villain")
    assert status == 2
    assert "there is no topology named 'villain'. Known are: hero" in out
    assert run("topology", "register", studio / "none.obj", "--name", "x")[0] == 3
    assert run("topology", "register", studio / "none.obj", "--name", "../x")[0] == 2


def test_damaged_topologies_and_other_head_models_are_refused(studio: Path, hero: Topology) -> None:
    """A file cut short says what to do; a take of another head model has no place on it."""
    path = write_topology(replace(hero, name="cut"))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"the topology cut is damaged.*Register it again"):
        read_topology("cut")
    path.unlink()
    with pytest.raises(UsageError, match="lies on the head model makehuman, the take is fitted with ict"):
        check_model("ict", "hero")
