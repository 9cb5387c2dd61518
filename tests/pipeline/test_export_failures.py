"""Exports that cannot be finished: one clear error, and never half a file under a final name."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calibration.errors import InputError, UsageError
from calibration.formats import FORMATS
from pipeline.export import EXPORTERS, ExportOptions, export
from pipeline.export.cameras import export_cameras
from tests.pipeline.performances import head_model, performance, rig

TAKE = ExportOptions("take")


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes, as on a disk that runs full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=sorted(EXPORTERS))
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "alembic":
        pytest.importorskip("alembic3d", reason="the extra 'alembic' is not installed")
    return str(request.param)


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_disk_that_runs_full_leaves_what_was_there(name: str, tmp_path: Path, share: float) -> None:
    """The earlier export stays as it was, nothing else is left, and the error names file and cause."""
    export(name, performance(), head_model(), tmp_path, options=TAKE)
    earlier = content(tmp_path)
    largest = max(earlier, key=lambda file: len(earlier[file]))
    with full_after(int(share * len(earlier[largest]))), pytest.raises(InputError, match="take") as raised:
        export(name, performance(seed=4), head_model(), tmp_path, options=TAKE)
    assert "written" in raised.value.what
    assert raised.value.fix
    later = content(tmp_path)
    assert later.keys() == earlier.keys()
    assert later[largest] == earlier[largest]


def test_a_disk_that_is_full_from_the_start_gets_no_files(name: str, tmp_path: Path) -> None:
    """Nothing is left in the folder, neither under a final name nor under a temporary one."""
    with full_after(0), pytest.raises(InputError):
        export(name, performance(), head_model(), tmp_path, options=TAKE)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_told(name: str, tmp_path: Path) -> None:
    """A path that cannot be a folder is an error of the input that names it."""
    (tmp_path / "export").write_text("")
    with pytest.raises(InputError, match="export"):
        export(name, performance(), head_model(), tmp_path / "export", options=TAKE)


def test_cameras_are_whole_or_absent_too(tmp_path: Path) -> None:
    """In every format that can be written: a full disk is an error of one line, and nothing is left."""
    formats = [format.name for format in FORMATS.values() if format.write is not None]
    for name in formats:
        with full_after(0), pytest.raises(InputError, match="written"):
            export_cameras([name], rig(), tmp_path / name)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_parts_and_formats_that_are_not_there_are_named(tmp_path: Path) -> None:
    """The error lists those that there are."""
    with pytest.raises(UsageError, match="upper_teeth"):
        export("npz", performance(), head_model(), tmp_path, options=ExportOptions("take", parts=("nose",)))
    with pytest.raises(UsageError, match="alembic, arkit, gltf"):
        export("fbx", performance(), head_model(), tmp_path, options=TAKE)
    assert not list(tmp_path.iterdir())
