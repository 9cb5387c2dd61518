"""The same input gives the same bytes, whenever, wherever and after whatever interruptions it is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.export import EXPORTERS, ExportOptions, export
from pipeline.progress import Progress
from pipeline.stages import calibrate, detect, run
from tests.pipeline.performances import head_model, performance
from tests.pipeline.synthetic_shoot import OraclePredictor, write_synthetic_shoot

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

FORMATS = f"[export]\nformats = {sorted(EXPORTERS)}\n"
MOVIE = """
import sys
from pathlib import Path
import numpy as np
from pipeline.overlays.movie_writer import movie_writer
ramp = np.add.outer(np.arange(200), np.arange(160))[..., None] * [1, 2, 3]
with movie_writer(Path(sys.argv[1]), 24.0) as movie:
    for turn in range(12):
        movie.write((ramp + 9 * turn * (ramp % 37 > 18)).astype(np.uint8))
"""


def contents(folder: Path) -> dict[str, bytes]:
    """What each file of a folder holds."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_an_export_is_the_same_bytes_at_another_time_and_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No format carries the time or the folder in which it was written."""
    if name == "alembic":
        pytest.importorskip("alembic3d")
    made = []
    for folder, hour in ((tmp_path / "a", "UTC-3"), (tmp_path / "b" / "c", "UTC+5")):
        monkeypatch.setenv("TZ", hour)  # Alembic writes the local time
        export(name, performance(), head_model(), folder, options=ExportOptions(name="take"))
        made.append(contents(folder))
    assert made[0].keys() == made[1].keys()
    assert [file for file, content in made[0].items() if content != made[1][file]] == []


def test_a_movie_does_not_depend_on_what_memory_held_before(tmp_path: Path) -> None:
    """The encoder reads nothing that was not written, whatever the memory was filled with."""
    movies = []
    for fill in ("1", "85", "170"):
        path = tmp_path / f"{fill}.mp4"
        # glibc fills memory with this byte when it is given out
        environment = {**os.environ, "MALLOC_PERTURB_": fill}
        subprocess.run([sys.executable, "-c", MOVIE, path], env=environment, check=True)
        movies.append(path.read_bytes())
    assert movies[0] == movies[1] == movies[2]


class KilledError(Exception):
    """A run is ended from outside."""


def killed_after(calls: int) -> Progress:
    """A progress that ends the work when it has been told of so much."""
    left = iter(range(calls))

    def progress(done: int, total: int, label: str) -> None:
        if next(left, None) is None:
            raise KilledError

    return progress


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_bytes_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cameras, landmarks, performance, exports, overlays, outcome and stamps of the same footage."""
    model = head_model()
    (tmp_path / "weights.safetensors").write_bytes(b"any")
    made = write_synthetic_shoot(tmp_path, model, extra=f'weights = "weights.safetensors"\n{FORMATS}')
    results = []
    for folder, kills in (("whole", ()), ("killed", (2, 5, 9, 14, 20))):
        shoot = made.shoot.with_changes(shoot={"output": folder})
        calibrate.main(shoot)
        network = OraclePredictor(shoot, model, made.vertices)
        monkeypatch.setattr(detect, "load_predictor", lambda *args, network=network, **kwargs: network)
        for calls in kills:
            with pytest.raises(KilledError):
                run.main(shoot, progress=killed_after(calls))
        run.main(shoot)
        results.append(contents(shoot.output))
    assert results[0].keys() == results[1].keys()
    assert [file for file, content in results[0].items() if content != results[1][file]] == []
