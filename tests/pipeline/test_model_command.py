"""vultus model: a studio brings its own head model in, registers it, and gets its shoots in its topology."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from calibration.errors import UsageError
from fitting.head_assets import FORMAT_VERSION, cache_folder
from fitting.head_model import load_head_model
from fitting.head_models.store import find_head_model
from pipeline.cli import main
from pipeline.export.arkit import WEIGHT_COLUMNS
from pipeline.export.arkit_names import arkit_shapes
from pipeline.stages import calibrate, evaluate, export, fit
from pipeline.stores.performance import read_performance
from tests.fitting.other_heads import retopology, write_blend_shapes, write_landmark_table
from tests.fitting.scenes import head
from tests.pipeline.synthetic_shoot import FRAMES, write_landmarks, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cache of its own, in which the model ``fake`` is imported and registered."""
    folder = tmp_path_factory.mktemp("studio")
    head()
    built = cache_folder() / f"head-v{FORMAT_VERSION}.npz"
    (folder / built.name).symlink_to(built.resolve())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VULTUS_CACHE", str(folder))
        write_blend_shapes(folder / "user")
        table = write_landmark_table(folder / "landmarks.csv")
        status, out = run("model", "import", folder / "user", "--name", "fake", "--landmarks", table)
        assert status == 0, out
        assert "Next:  vultus model register fake" in out
        status, out = run("model", "register", "fake", "--output", folder / "distances.png")
        assert status == 0, out
        assert "90 % within" in out
        assert "mm from ours" in out
    return folder


@pytest.fixture(autouse=True)
def own_cache(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CACHE", str(studio))


def test_models_are_listed_and_shown(studio: Path) -> None:
    """The list says which are registered; a picture shows mean, expressions and identities."""
    status, out = run("model", "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["model", "makehuman", "fake"]
    assert out.splitlines()[2].split()[-1] == "yes"
    status, out = run("model", "show", "fake", "--output", studio / "fake.png")
    assert status == 0, out
    assert "weights in [0, 1]" in out
    for name in ("fake", "distances"):
        picture = cv2.imread(str(studio / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 20


def test_mistakes_are_told_in_one_line(studio: Path) -> None:
    """An unknown model, a folder that is none, and a name that is taken."""
    assert run("model", "show", "nobody")[0] == 2
    assert run("model", "import", studio, "--name", "other")[0] == 3
    assert run("model", "import", studio / "user", "--name", "makehuman")[0] == 2
    assert run("model", "import", studio / "user", "--name", "other", "--unit", "inch")[0] == 2


def test_a_shoot_comes_out_in_the_other_topology(tmp_path: Path) -> None:
    """Landmarks of our queries are fitted with the imported model; every export has its vertices and names,
    and the skin is where it was.
    """
    ours = load_head_model()
    synthetic = write_synthetic_shoot(tmp_path / "turn", ours, extra='[fit]\nmodel = "fake"\n')
    calibrate.main(synthetic.shoot)
    write_landmarks(synthetic.shoot, ours, synthetic.vertices)
    fit.main(synthetic.shoot)
    performance, info = read_performance(synthetic.shoot.performance_file)
    assert (info.name, len(performance.identity)) == ("fake", 12)
    assert performance.expression.shape == (len(FRAMES), len(info.expression_names))
    export.main(synthetic.shoot)
    mesh = (synthetic.shoot.export_folder / "obj" / "turn.1001.obj").read_text().splitlines()
    assert sum(line.startswith("v ") for line in mesh) == len(retopology().points)
    assert {len(line.split()) for line in mesh if line.startswith("f ")} == {4}
    with (synthetic.shoot.export_folder / "arkit" / "turn_arkit.csv").open(newline="") as file:
        header, *_, last = csv.reader(file)
    place = info.expression_names.index("jawOpen")
    assert float(last[header.index("JawOpen")]) == pytest.approx(performance.expression[-1, place], abs=1e-6)
    figures = evaluate.read_evaluation(
        evaluate.main(synthetic.shoot, synthetic.shoot.root / "truth.npz", units="mm")
    )
    assert figures.world_mm is not None
    assert figures.world_mm.median < 3.0
    assert np.isfinite(performance.reprojection_px)


def test_arkit_weights_are_found_under_other_spellings() -> None:
    """browDown_L is BrowDownLeft, and a model without such shapes says that there is no ARKit CSV of it."""
    model = find_head_model("fake")
    shapes = arkit_shapes(model, WEIGHT_COLUMNS)
    assert shapes["BrowDownLeft"] == [model.expression_names.index("browDown_L")]
    model.expression_names = ("browInnerUp_L", "browInnerUp_R")
    assert arkit_shapes(model, WEIGHT_COLUMNS) == {"BrowInnerUp": [0, 1]}
    model.expression_names = ("expression_000",)
    with pytest.raises(UsageError, match="fake has no ARKit shapes"):
        arkit_shapes(model, WEIGHT_COLUMNS)
