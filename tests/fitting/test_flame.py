"""What a user of FLAME relies on: the file is read without running anything, and means what FLAME means."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import InputError
from fitting.head_model import HeadModel
from fitting.head_models.flame import IDENTITY, JAW_STEPS, read_flame
from fitting.head_models.importing import import_head
from fitting.head_models.restricted_pickle import UnsafeFileError, read_pickle

Array = NDArray[np.float64]

COUNT = 60
LEFT, RIGHT = np.arange(40, 50), np.arange(50, 60)


def flame_arrays() -> dict[str, Array]:
    """A tiny FLAME: 40 vertices of skin behind two eyeballs of 10, and everything else of the true sizes."""
    rng = np.random.default_rng(4)
    vertices = rng.normal(size=(COUNT, 3)) * 0.05 + [0.0, -0.02, -0.06]
    for eye, x in ((LEFT, 0.031), (RIGHT, -0.031)):
        rays = rng.normal(size=(5, 3))
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        vertices[eye] = 0.012 * np.concatenate([rays, -rays]) + [x, 0.01, 0.02]
    weights = np.zeros((COUNT, 5))
    weights[:40, :3] = rng.dirichlet((1.0, 1.0, 1.0), 40)
    weights[LEFT, 3] = weights[RIGHT, 4] = 1.0
    regressor = np.zeros((5, COUNT))
    regressor[:3, :40] = rng.dirichlet(np.ones(40), 3)
    regressor[3, LEFT] = regressor[4, RIGHT] = 0.1
    return {
        "v_template": vertices,
        "shapedirs": 0.002 * rng.normal(size=(COUNT, 3, 400)),
        "posedirs": 0.001 * rng.normal(size=(COUNT, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "f": np.stack([np.arange(58), np.arange(1, 59), np.arange(2, 60)], axis=1),
    }


class Ch:
    """Stands for chumpy's array while a pickle is written; reading must not need it."""

    def __init__(self, x: Array) -> None:
        self.x = x


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module chumpy.ch, only while the pickle is written."""
    module = types.ModuleType("chumpy.ch")
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    monkeypatch.setattr(Ch, "__module__", "chumpy.ch")
    yield
    monkeypatch.undo()


@pytest.fixture(params=(2, 4))
def flame_file(request: pytest.FixtureRequest, tmp_path: Path, chumpy: None) -> Path:
    """A FLAME file as its makers write it: chumpy wrappers, a sparse regressor, unsigned faces."""
    arrays: dict[str, object] = dict(flame_arrays())
    for key in ("v_template", "shapedirs", "weights"):
        arrays[key] = Ch(np.asarray(arrays[key]))
    arrays["J_regressor"] = scipy.sparse.csc_matrix(flame_arrays()["J_regressor"])
    arrays["f"] = np.asarray(arrays["f"]).astype(np.uint32)
    arrays["kintree_table"] = np.asarray(arrays["kintree_table"]).astype(np.uint32)
    arrays |= {"bs_style": "lbs", "bs_type": "lrotmin"}
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol=request.param))
    sys.modules.pop("chumpy.ch")
    return path


def test_a_pickle_of_chumpy_arrays_is_read_without_chumpy(flame_file: Path) -> None:
    """Arrays, wrapped arrays and sparse matrices come out as they were put in."""
    arrays, source = flame_arrays(), read_flame(flame_file)
    np.testing.assert_array_equal(source.vertices, arrays["v_template"])
    np.testing.assert_array_equal(source.identity[7], arrays["shapedirs"][..., 7])
    np.testing.assert_array_equal(source.expression[5], arrays["shapedirs"][..., IDENTITY + 5])
    assert source.joints is not None
    np.testing.assert_allclose(source.joints.mean[0], arrays["J_regressor"][0] @ arrays["v_template"])
    assert (len(source.identity), len(source.expression)) == (300, 104)


def test_an_npz_of_the_same_arrays_is_the_same_model(tmp_path: Path) -> None:
    """Who distrusts pickles keeps the arrays in an .npz."""
    np.savez(tmp_path / "flame.npz", **flame_arrays())  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_flame(tmp_path / "flame.npz").vertices, flame_arrays()["v_template"])


def flame_model(tmp_path: Path) -> HeadModel:
    np.savez(tmp_path / "flame.npz", **flame_arrays())  # type: ignore[arg-type]
    return import_head(tmp_path / "flame.npz", "flame").model()


def test_coefficients_are_signed_and_triangles_stay_triangles(tmp_path: Path) -> None:
    """FLAME's expression has no bounds, its prior is of unit width, and its faces are those of the file."""
    model = flame_model(tmp_path)
    assert model.traits.expression.low == -np.inf
    assert 10.0 / model.traits.expression.unit**2 == pytest.approx(1.0)
    np.testing.assert_array_equal(model.triangles, flame_arrays()["f"])
    np.testing.assert_allclose(model.skin_weights.sum(1).numpy(), 1.0, atol=1e-6)
    assert set(model.parts) == {"skin", "left_eye", "right_eye"}


@pytest.mark.parametrize("angle", [-0.1, 0.15, 0.5])
def test_the_jaw_opens_as_it_does_in_flame(tmp_path: Path, angle: float) -> None:
    """jaw_open and jaw_arc move the mean head exactly as FLAME's joint and its pose correctives do."""
    model, arrays = flame_model(tmp_path), flame_arrays()
    joint = arrays["J_regressor"][2] @ arrays["v_template"]
    turn = Rotation.from_rotvec([angle, 0.0, 0.0]).as_matrix() - np.eye(3)
    corrected = arrays["v_template"] + arrays["posedirs"][..., 9:18] @ turn.reshape(9)
    # skinning with all other joints at rest: x + W_jaw (R - I) (x - J), where x holds the correctives
    exact = corrected + arrays["weights"][:, 2:3] * ((arrays["v_template"] - joint) @ turn.T)
    names = model.expression_names
    moved = (np.sin(angle) / JAW_STEPS["jaw_open"]) * model.expression_basis[names.index("jaw_open")].numpy()
    moved = (
        moved
        + (1 - np.cos(angle)) / JAW_STEPS["jaw_arc"] * model.expression_basis[names.index("jaw_arc")].numpy()
    )
    np.testing.assert_allclose(moved, exact - arrays["v_template"], atol=2e-7)


class Evil:
    """Runs a command when an ordinary unpickler reads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path, protocol: int) -> None:
    """The file is named, what it wanted to run is told, and nothing was run."""
    path, trace = tmp_path / "flame.pkl", tmp_path / "was_here"
    content = dict(flame_arrays()) | {"extra": Evil(f"touch {trace}")}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(UnsafeFileError, match=r"flame.pkl.*wants to run \w+.system") as caught:
        read_flame(path)
    assert caught.value.code == "unsafe-file"
    assert not trace.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cbuiltins\neval\n(S'1+1'\ntR.",
        b"cnumpy\nload\n(S'x.npy'\ntR.",
        b"c__main__\n__dict__\n.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
    ],
)
def test_no_other_name_gets_through(tmp_path: Path, program: bytes) -> None:
    """Whatever a pickle names beyond arrays is refused or found damaged, never called."""
    path = tmp_path / "odd.pkl"
    path.write_bytes(program)
    with pytest.raises(InputError):
        read_pickle(path)


def test_landmark_embeddings_are_read_as_safely(tmp_path: Path) -> None:
    """FLAME's embedding of 51 landmarks gives iBUG's 17 to 67; one that would run something is refused."""
    np.savez(tmp_path / "flame.npz", **flame_arrays())  # type: ignore[arg-type]
    embedding: dict[str, object] = {"lmk_face_idx": np.arange(51), "lmk_b_coords": np.full((51, 3), 1 / 3)}
    (tmp_path / "static.pkl").write_bytes(pickle.dumps(embedding, protocol=2))
    head = import_head(tmp_path / "flame.npz", "flame", landmarks=tmp_path / "static.pkl")
    known = np.isfinite(head.traits.landmarks.weights).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(known), np.arange(17, 68))
    np.testing.assert_array_equal(head.traits.landmarks.vertices[17], flame_arrays()["f"][0])
    np.save(tmp_path / "evil.npy", np.array({"x": Evil(f"touch {tmp_path / 'ran'}")}, dtype=object))
    with pytest.raises(UnsafeFileError):
        import_head(tmp_path / "flame.npz", "flame", landmarks=tmp_path / "evil.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("key", ["posedirs", "kintree_table", "f"])
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, key: str) -> None:
    """A missing array and one of another shape are told by name."""
    arrays = flame_arrays()
    np.savez(tmp_path / "short.npz", **(arrays | {key: arrays[key][:, :1]}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"{key} has the shape"):
        read_flame(tmp_path / "short.npz")
    del arrays[key]
    np.savez(tmp_path / "gone.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"{key} is missing"):
        read_flame(tmp_path / "gone.npz")
