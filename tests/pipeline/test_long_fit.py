"""A long take is fitted in stretches, and comes out as it would in one piece, whoever did which and when."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.formats import write_rig
from detector.layouts import layout
from fitting.frame_choice import telling_frames
from fitting.head_model import HeadModel, load_head_model
from fitting.long_takes import stretches
from fitting.performance import FrameStatus, Performance
from fitting.posed import posed_vertices
from fitting.rehearsal import Rehearsal, even_noise, rehearse, studio
from pipeline import long_fit
from pipeline.frames.images import Image, UnreadableImageError
from pipeline.shoot.shoot import Shoot, read_shoot
from pipeline.stages import fit
from pipeline.steps import run_step, shoot_steps
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import FrameStatus as Seen
from pipeline.stores.landmarks import LandmarkHeader, LandmarkRows
from pipeline.stores.performance import read_performance

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

FRAMES, CAMERAS, CHUNK = 24, 2, 8
UNSEEN = slice(12, 14)
"""Positions of frames that no camera sees a face in."""
STEPS = ("1001-1008", "1009-1016", "1017-1024")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def truth(model: HeadModel) -> Rehearsal:
    return rehearse(model, layout("ibug68", model).points, studio(CAMERAS), FRAMES)


@pytest.fixture
def shoot(tmp_path: Path, model: HeadModel, truth: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Shoot:
    """A take whose landmarks are found and whose cameras are known; its images are empty files."""
    monkeypatch.setattr(long_fit, "IDENTITY_FRAMES", 10)
    monkeypatch.setattr("fitting.long_takes.OVERLAP", 4)
    tables = "".join(f'[cameras.{name}]\nimages = "{name}"\n' for name in truth.rig.names)
    chosen = (
        f'[detect]\nlayout = "ibug68"\n[fit]\nchunk = {CHUNK}\ndevice = "cpu"\nweights = {{intersect = 0}}\n'
    )
    file = tmp_path / "shoot.toml"
    file.write_text(f'{tables}[calibration]\nsource = "file"\nfile = "cameras.json"\n{chosen}')
    for name in truth.rig.names:
        (tmp_path / name).mkdir()
        for frame in range(1001, 1001 + FRAMES):
            (tmp_path / name / f"{name}.{frame}.png").touch()
    taken = read_shoot(file)
    taken.sources.update({name: _Source(source.frames) for name, source in taken.sources.items()})
    write_rig(truth.rig, taken.cameras_file, "vultus")
    _write_landmarks(taken, model, truth)
    return taken


class _Source:
    """Images of which only frames and size are asked."""

    def __init__(self, frames: tuple[int, ...]) -> None:
        self.frames, self.size = frames, (1280, 1024)

    def read(self, frame: int) -> Image:
        raise UnreadableImageError("There is nothing in it", where=str(frame))

    def fingerprint(self) -> list[tuple[str, int, int]]:
        return []


def _write_landmarks(shoot: Shoot, model: HeadModel, truth: Rehearsal) -> None:
    chosen, seen = layout("ibug68", model), truth.seen(even_noise(1.0))
    for index, name in enumerate(shoot.camera_names):
        header = LandmarkHeader(
            name, (1280, 1024), np.array(shoot.frames), chosen.name, chosen.queries.numpy(), "rehearsed"
        )
        rows = LandmarkRows.empty(FRAMES, len(chosen))
        rows.mean[:], rows.sigma[:], rows.status[:] = seen.mean[:, index], seen.sigma[:, index], Seen.OK
        rows.status[UNSEEN] = Seen.NO_FACE
        rows.mean[UNSEEN] = np.nan
        rows.sigma[UNSEEN] = np.nan
        writer = LandmarkWriter(shoot.landmark_file(name), header)
        writer.write(0, rows)
        writer.finish()


def result(shoot: Shoot) -> bytes:
    return shoot.performance_file.read_bytes()


def in_steps(shoot: Shoot) -> None:
    run_step(shoot, "identity")
    for frames in ("1005-1030", "1001-1004"):
        run_step(shoot, "fit", frames)
    run_step(shoot, "fit")


class KilledError(Exception):
    """A run is ended from outside."""


def killed_and_resumed(shoot: Shoot) -> None:
    for calls in (3, 14, 14, 14):
        left = iter(range(calls))

        def progress(done: int, total: int, label: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KilledError

        with suppress(KilledError):
            fit.main(shoot, progress=progress)
    fit.main(shoot)


def test_stretches_cover_a_take_evenly() -> None:
    """None is a short rest, and a take that is short enough has none."""
    assert stretches(1500, 1500) == stretches(5000, 0) == ()
    lengths = [len(each) for each in stretches(3100, 1500)]
    assert sum(lengths) == 3100
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1500


def test_a_long_take_has_steps_for_its_identity_and_stretches(shoot: Shoot) -> None:
    """A short one has none of them."""
    steps = {step.name: step.needs for step in shoot_steps(shoot)}
    assert steps["identity"] == ("detect",)
    assert [steps[f"fit {frames}"] for frames in STEPS] == [("identity",)] * 3
    assert steps["fit"] == tuple(f"fit {frames}" for frames in STEPS)
    short = shoot.with_changes(fit={"chunk": 0})
    short.__dict__["sources"] = shoot.sources
    assert [step.name for step in shoot_steps(short) if step.stage in ("identity", "fit")] == ["fit"]


def test_the_same_bytes_come_of_any_order_of_steps_and_of_interruptions(shoot: Shoot) -> None:
    """In one process, in ranges of any size and order, and killed on the way."""
    fit.main(shoot)
    whole = result(shoot)
    for work in (in_steps, killed_and_resumed):
        shoot.performance_file.unlink()
        work(shoot)
        assert result(shoot) == whole
        assert not shoot.performance_parts.exists()


def test_a_step_that_is_done_is_not_done_again(shoot: Shoot) -> None:
    """Neither before the whole is put together nor after."""
    assert run_step(shoot, "identity").worked
    assert not run_step(shoot, "identity").worked
    assert run_step(shoot, "fit", STEPS[0]).worked
    assert not run_step(shoot, "fit", STEPS[0]).worked
    assert run_step(shoot, "fit").worked
    for stage, frames in (("identity", ""), ("fit", STEPS[0]), ("fit", "")):
        assert not run_step(shoot, stage, frames).worked


def test_a_stretch_before_its_identity_says_what_to_run(shoot: Shoot) -> None:
    """A farm that runs them in the wrong order is told."""
    with pytest.raises(InputError, match="stage identity"):
        fit.chunk(shoot, STEPS[0])


def test_a_range_without_a_beginning_is_warned_of(shoot: Shoot, caplog: pytest.LogCaptureFixture) -> None:
    """A farm's chunk may fall between; it has nothing to do."""
    with caplog.at_level(logging.WARNING):
        fit.chunk(shoot, "1002-1005")
    assert "no stretch begins" in caplog.text


def test_stretches_come_out_as_one_fit_does(shoot: Shoot, model: HeadModel) -> None:
    """Heads, energies, flags, warnings and deviations; seams are no rougher than other frames."""
    parts, _ = read_performance(fit.main(shoot))
    together = shoot.with_changes(fit={"chunk": 0})
    together.__dict__["sources"] = shoot.sources
    whole, _ = read_performance(fit.main(together))
    apart = vertices(model, parts) - vertices(model, whole)
    assert np.linalg.norm(apart, axis=-1).mean() < 3e-4
    steps = np.linalg.norm(np.diff(apart, axis=0), axis=-1).mean(1)
    assert steps[[7, 15]].max() < 3 * np.median(steps) + 1e-5
    assert parts.energies["total"] == pytest.approx(whole.energies["total"], rel=0.01)
    assert parts.energies.keys() == whole.energies.keys()
    assert parts.warnings == whole.warnings
    assert "1013, 1014" in parts.warnings[0]
    np.testing.assert_array_equal(parts.status, whole.status)
    assert set(parts.status[UNSEEN]) == {FrameStatus.INTERPOLATED}
    assert parts.reliability is not None
    assert whole.reliability is not None
    np.testing.assert_array_equal(parts.reliability.flags, whole.reliability.flags)
    assert parts.uncertainty is not None
    assert whole.uncertainty is not None
    known = parts.status == FrameStatus.FITTED
    ratio = parts.uncertainty.surface[known] / whole.uncertainty.surface[known]
    assert 0.9 < np.median(ratio) < 1.2


def test_telling_frames_are_the_same_each_time_and_show_every_camera(truth: Rehearsal) -> None:
    """Frames that look unlike the others are among them, and those of a camera that hardly sees the head."""
    seen = truth.seen(even_noise(0.1))
    seen.seen[:, 1] = False
    seen.seen[[4, 5], 1] = True
    chosen = telling_frames(seen, 12)
    np.testing.assert_array_equal(chosen, telling_frames(seen, 12))
    assert {4, 5} <= set(chosen.tolist())
    assert 12 <= len(chosen) <= 14


def vertices(model: HeadModel, performance: Performance) -> np.ndarray:
    face = model.region("face")
    return np.stack([posed_vertices(model, performance, frame)[face] for frame in range(FRAMES)])
