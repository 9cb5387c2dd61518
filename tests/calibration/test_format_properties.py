"""What holds for all formats of cameras, tried on random rigs and on damaged files."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.errors import VultusError
from calibration.formats import FORMATS, read_rig, write_rig
from tests.calibration.format_capabilities import CAPABILITIES, an_example, rigs

Array = NDArray[np.float64]


READABLE = sorted(CAPABILITIES)
FEW = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_every_format_that_is_read_is_tried_here() -> None:
    """A format that is added has to say what it keeps."""
    assert set(CAPABILITIES) == {name for name, format in FORMATS.items() if format.read is not None}


def pose(camera: Camera) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = camera.R, camera.t
    return matrix


@pytest.mark.parametrize("name", READABLE)
@FEW
@given(data=st.data())
def test_random_rigs_survive(name: str, data: st.DataObject, tmp_path: Path) -> None:
    """What a format can hold comes back as it was: names, sizes, lenses and poses."""
    keeps = CAPABILITIES[name]
    rig = data.draw(rigs(keeps))
    target = tmp_path / keeps.target
    shutil.rmtree(target, ignore_errors=True)
    write_rig(rig, target, name)
    sizes = {camera.name: camera.size for camera in rig} if keeps.sizes else None
    again = read_rig(target, sizes=sizes)
    assert sorted(again.names) == sorted(rig.names)
    world = np.eye(4) if keeps.own_world else np.linalg.inv(pose(rig.cameras[0]))
    for before in rig:
        after = again[before.name]
        assert (after.size, after.fisheye) == (before.size, before.fisheye)
        for one, other in (
            (after.K, before.K),
            (after.distortion, before.distortion),
            (pose(after), pose(before) @ world),
        ):
            np.testing.assert_allclose(one, other, rtol=min(1e-9, keeps.atol), atol=keeps.atol)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A whole file or folder of each format."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        name: write_rig(an_example(keeps), folder / keeps.target, name)
        for name, keeps in CAPABILITIES.items()
    }


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where the block takes longer, so that a reader that never ends does not either."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise AssertionError(f"the reader has not come to an end within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def damaged(whole: Path, data: st.DataObject, place: Path) -> tuple[Path, Path, bytes]:
    """A copy of a file or folder at a place; of it one file to damage, and its bytes."""
    copy = place / whole.name
    if whole.is_dir():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        files = sorted(file.relative_to(whole) for file in whole.rglob("*") if file.is_file())
        victim = copy / data.draw(st.sampled_from(files))
    else:
        shutil.copy(whole, copy)
        victim = copy
    return copy, victim, victim.read_bytes()


def assert_read_or_refused(path: Path, name: str) -> None:
    """The reader gives a rig, or an error that a person can act on and that names the file or its folder."""
    for format in (name, None):
        with within(10):
            try:
                rig = read_rig(path, format, sizes={f"cam{index}": (1024, 768) for index in range(3)})
            except VultusError as error:
                assert str(path) in str(error)  # noqa: PT017 - either outcome is right
            else:
                assert len(rig) > 0


@pytest.mark.parametrize("name", READABLE)
@FEW
@given(data=st.data())
def test_a_file_cut_short_is_read_or_refused(
    name: str, data: st.DataObject, written: dict[str, Path], tmp_path: Path
) -> None:
    """A file that ends at any byte gives a rig or a named error."""
    path, victim, content = damaged(written[name], data, tmp_path)
    victim.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert_read_or_refused(path, name)


@pytest.mark.parametrize("name", [name for name in READABLE if not CAPABILITIES[name].binary])
@FEW
@given(data=st.data())
def test_a_file_without_a_line_is_read_or_refused(
    name: str, data: st.DataObject, written: dict[str, Path], tmp_path: Path
) -> None:
    """Whichever line is missing: a rig or a named error."""
    path, victim, content = damaged(written[name], data, tmp_path)
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    victim.write_bytes(b"".join(lines))
    assert_read_or_refused(path, name)


GARBAGE = [
    b"nan", b"-inf", b"0", b"-1", b"1e308", b"1e400", b"9" * 25, b"9" * 5000, b"1e-320", b"0.5", b"",
    b"word", b'"', b"[", b"]", b"{", b"<", b"true", b"null", b"\x00", b"\xff\xfe", b"0x1f", b"1_000",
    "٣".encode(), b"2001-99-99", b"!!python/object:x", b"&a", b"*a", b",", b"\n", b"#",
]  # fmt: skip
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@pytest.mark.parametrize("name", READABLE)
@settings(FEW, max_examples=50)
@given(data=st.data())
def test_a_number_replaced_by_garbage_is_read_or_refused(
    name: str, data: st.DataObject, written: dict[str, Path], tmp_path: Path
) -> None:
    """Whatever stands in the place of a number (of a byte, in binary files): a rig or a named error."""
    path, victim, content = damaged(written[name], data, tmp_path)
    garbage = data.draw(st.sampled_from(GARBAGE))
    if CAPABILITIES[name].binary:
        start = data.draw(st.integers(0, len(content) - 1))
        end = start + len(garbage)
    else:
        start, end = data.draw(
            st.sampled_from([match.span() for match in NUMBER.finditer(content)] or [(0, 0)])
        )
    victim.write_bytes(content[:start] + garbage + content[end:])
    assert_read_or_refused(path, name)


def test_a_binary_usd_file_cut_short_is_refused(tmp_path: Path) -> None:
    """Of a .usdc no beginning is a rig: each length gives an error that names the file."""
    path = write_rig(an_example(CAPABILITIES["usd"]), tmp_path / "rig.usdc")
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with within(10), pytest.raises(VultusError, match=r"rig\.usdc"):
            read_rig(path)
