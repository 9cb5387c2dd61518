"""Rigs that roll: several calibrations in one shoot, each valid for some takes or some hours."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from calibration.boards.checkerboard import Checkerboard
from calibration.errors import InputError
from calibration.formats import read_rig
from calibration.from_boards.calibrate import calibrate_board
from pipeline.camera_knowledge import camera_plan, given_rig
from pipeline.cli import main
from pipeline.shoot.hours import Hours
from pipeline.shoot.shoot import read_shoot
from pipeline.stages import calibrate
from pipeline.stores.lock import alone
from tests.calibration.boards import board_poses, picture
from tests.calibration.rigs import arc_rig

SIZE = (320, 240)


def vultus(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def cameras(path: Path, focal: float, *names: str) -> None:
    """A file of calibrated cameras; the focal length tells which."""
    path.parent.mkdir(parents=True, exist_ok=True)
    K = [[focal, 0, 159.5], [0, focal, 119.5], [0, 0, 1]]
    records = [
        {"name": name, "width": SIZE[0], "height": SIZE[1], "K": K, "R": np.eye(3).tolist(), "t": [i, 0, 1]}
        for i, name in enumerate(names or ("left", "right"))
    ]
    path.write_text(json.dumps({"units": "m", "cameras": records}))


def take(day: Path, name: str, *, date: str = "", calibration: str = "", names: str = "left right") -> Path:
    """The folder of a take of a day, whose shoot file names the day's rigs."""
    folder = day / name
    for camera in names.split():
        (folder / camera).mkdir(parents=True)
        cv2.imwrite(str(folder / camera / "a.1001.png"), np.zeros((SIZE[1], SIZE[0]), np.uint8))
    tables = "".join(f'[cameras.{camera}]\nimages = "{camera}"\n' for camera in names.split())
    calibration = calibration or '[calibration]\nsource = "rigs"\nfile = "../rigs.toml"\n'
    said = f"[shoot]\ndate = {date}\n" if date else ""
    (folder / "shoot.toml").write_text(said + tables + calibration)
    return folder


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A shoot day: calibrated in the morning and at noon, and a take of a camera in a hand."""
    for name, focal in (("morning", 300), ("noon", 400)):
        cameras(tmp_path / name / "cameras.json", focal)
    (tmp_path / "rigs.toml").write_text("""
[[rigs]]
name = "morning"
source = "file"
file = "morning/cameras.json"
takes = ["take0*", "take1[0-2]"]

[[rigs]]
name = "noon"
source = "file"
file = "noon/cameras.json"
takes = ["take13", "take2*"]
from = 2026-11-20T12:30:00
until = 2026-11-21

[[rigs]]
name = "hand"
source = "head"
takes = ["b-roll*"]
""")
    return tmp_path


def focal(folder: Path) -> float:
    return float(read_rig(folder / "results" / "cameras.json").cameras[0].focal[0])


def test_each_take_gets_the_rig_that_is_valid_for_it(day: Path) -> None:
    """By its name and by when it was shot; what is printed says which rig it was, and why."""
    early, late = take(day, "take07"), take(day, "take13", date="2026-11-21T23:10:00")
    first, second = vultus("calibrate", early), vultus("calibrate", late)
    assert first.exit_code == 0, first.output
    assert "rig morning (takes take0* take1[0-2])" in first.stderr
    assert focal(early) == 300
    assert second.exit_code == 0, second.output
    assert "rig noon (takes take13 take2*, from 2026-11-20 12:30:00, until 2026-11-21)" in second.stderr
    assert focal(late) == 400


def test_a_changed_file_of_rigs_calibrates_its_takes_again(day: Path) -> None:
    """The result is up to date as long as the rig is, and no longer."""
    folder = take(day, "take07")
    vultus("calibrate", folder)
    assert "up to date" in vultus("calibrate", folder).stderr
    text = (day / "rigs.toml").read_text()
    (day / "rigs.toml").write_text(text.replace('"take0*"', '"take00"').replace('"take13"', '"take07"'))
    late = (folder / "shoot.toml").read_text()
    (folder / "shoot.toml").write_text("[shoot]\ndate = 2026-11-20T12:30:00\n" + late)
    assert "up to date" not in vultus("calibrate", folder).stderr
    assert focal(folder) == 400


def test_a_rig_may_be_found_from_the_head(day: Path) -> None:
    """As if the take had said so itself."""
    hand = read_shoot(take(day, "b-roll3", names="left") / "shoot.toml")
    assert calibrate.main(hand) == hand.output
    assert camera_plan(hand, given_rig(hand, {"left": SIZE})).mode == "unknown"


def test_init_names_the_rigs_of_the_day(day: Path) -> None:
    """A take without a calibration of its own, beside a file of rigs, gets a shoot file that names it."""
    folder = take(day, "take07")
    (folder / "left" / "a.1001.png").rename(folder / "left" / "a.1002.png")
    for camera in ("left", "right"):
        for frame in (1003, 1004):
            cv2.imwrite(str(folder / camera / f"a.{frame}.png"), np.zeros((SIZE[1], SIZE[0]), np.uint8))
    done = vultus("init", folder, "--force")
    assert done.exit_code == 0, done.output
    assert "one of its rigs has to be valid for take07" in done.output
    assert vultus("calibrate", folder).exit_code == 0
    assert focal(folder) == 300


def test_rigs_can_be_listed_in_the_shoot_file(day: Path) -> None:
    """With paths that are relative to the shoot, as everywhere in it."""
    listed = """
[calibration]
source = "rigs"
[[calibration.rigs]]
name = "night"
source = "file"
file = "../noon/cameras.json"
from = 2026-11-20
"""
    folder = take(day, "take50", date="2026-11-20", calibration=listed)
    assert vultus("calibrate", folder).exit_code == 0
    assert focal(folder) == 400


@pytest.mark.parametrize(
    ("name", "date", "message"),
    [
        ("take99", "", r"No rig is valid for take take99; there are: morning \(takes take0\*"),
        ("take13", "", r"noon .* valid by date, and the shoot does not say when.*date = 2026"),
        ("take13", "2026-11-20T12:29:59", r"No rig is valid for take take13, shot 2026-11-20 12:29:59"),
        ("take13", "2026-11-22", "No rig is valid"),
        ("take13", "2026-11-20", r"for a part of 2026-11-20.*Say the time"),
        (
            "take13",
            "2026-11-20T14:00:00Z",
            r"from = 2026-11-20 12:30:00 has no time zone and .*date.* has one",
        ),
    ],
)
def test_a_take_without_its_one_rig_is_told_what_there_is(
    day: Path, name: str, date: str, message: str
) -> None:
    """Nothing is guessed: not from the time of a file, nor from the nearest rig."""
    with pytest.raises(InputError, match=message):
        calibrate.main(read_shoot(take(day, name, date=date) / "shoot.toml"))


def test_rigs_that_overlap_are_refused_by_name(day: Path) -> None:
    """Both candidates are listed with what makes them valid."""
    text = (day / "rigs.toml").read_text()
    (day / "rigs.toml").write_text(text.replace('"take13"', '"take0*"'))
    failed = vultus("calibrate", take(day, "take05", date="2026-11-20T13:00:00"))
    assert failed.exit_code == 3
    assert "Several rigs are valid for take take05" in failed.stderr
    assert "morning (takes take0*" in failed.stderr
    assert "noon (takes take0*" in failed.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-11-20T12:30:00", '"noon"', r"rigs\.1\.from: a date is written without quotes"),
        ("2026-11-20T12:30:00", "20261120", r"rigs\.1\.from: a date is written"),
        ("2026-11-21\n", "2026-11-19\n", "is over before it begins"),
        ("2026-11-21\n", "2026-11-21T00:00:00+01:00\n", r"noon: from = .* has no time zone and until = "),
        ("until", "untill", r"no key rigs\.1\.untill \(did you mean until\?\)"),
        ('name = "noon"', 'name = "morning"', "Two rigs are called morning"),
        ('name = "noon"', 'name = "a/b"', r"rigs\.1\.name"),
        ('"morning/cameras.json"', '"evening/cameras.json"', r"evening/cameras\.json: there is no such file"),
        ("[[rigs]]", "[[rig]]", r"no key rig \(did you mean rigs\?\)"),
        ("[[rigs]]", "[[rigs", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_of_rigs_is_named(day: Path, old: str, new: str, message: str) -> None:
    """With the file, the rig and the key."""
    file = day / "rigs.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        calibrate.main(read_shoot(take(day, "take07") / "shoot.toml"))


def test_a_file_of_rigs_that_is_not_there_is_named(day: Path) -> None:
    """As is a shoot file that names none."""
    (day / "rigs.toml").unlink()
    failed = vultus("calibrate", take(day, "take07"))
    assert failed.exit_code == 3
    assert "rigs.toml: The file of rigs cannot be read" in failed.stderr
    empty = take(day, "take08", calibration='[calibration]\nsource = "rigs"\n')
    assert "needs the key file, or tables [[calibration.rigs]]" in vultus("calibrate", empty).stderr


def test_hours_end_where_the_next_begin() -> None:
    """A moment belongs to one of two rigs that follow each other, and a day counts to its end."""
    noon = datetime(2026, 11, 20, 12, 30)
    morning, rest = Hours(None, noon, "a"), Hours(noon, date(2026, 11, 20), "b")
    assert (morning.hold(noon), rest.hold(noon)) == (False, True)
    assert rest.hold(datetime(2026, 11, 20, 23, 59, 59)) is True
    assert rest.hold(date(2026, 11, 21)) is False
    assert Hours(date(2026, 11, 20), date(2026, 11, 20), "c").hold(date(2026, 11, 20)) is True


def two_groups(day: Path, world: str) -> Path:
    """A stage and a helmet, calibrated apart, and valid for the same take."""
    cameras(day / "stage.json", 300, "left", "right")
    cameras(day / "helmet.json", 500, "chin")
    (day / "rigs.toml").write_text(
        f'[[rigs]]\nname = "stage"\nsource = "file"\nfile = "stage.json"\n{world}'
        f'[[rigs]]\nname = "helmet"\nsource = "file"\nfile = "helmet.json"\n{world}'
    )
    return take(day, "take1", names="left right chin")


def test_groups_of_cameras_are_put_together_only_if_they_share_a_world(tmp_path: Path) -> None:
    """Two calibrations have two worlds, unless somebody who knows says otherwise."""
    refused = vultus("calibrate", two_groups(tmp_path / "a", ""))
    assert refused.exit_code == 3
    assert "Several rigs are valid" in refused.stderr
    assert 'say the same world = "..." in each' in refused.stderr
    folder = two_groups(tmp_path / "b", 'world = "stage"\n')
    done = vultus("calibrate", folder)
    assert done.exit_code == 0, done.output
    rig = read_rig(folder / "results" / "cameras.json")
    assert rig.names == ("left", "right", "chin")
    assert rig.source == "rigs stage + helmet, which share the world stage"
    cameras(tmp_path / "b" / "helmet.json", 500, "chin", "left")
    assert "both have a camera left" in vultus("calibrate", folder).stderr


@pytest.fixture(scope="module")
def board_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shoot day whose one rig is calibrated from a board."""
    day = tmp_path_factory.mktemp("day")
    rig, board = arc_rig(2, degrees=25, lens=np.zeros(5)), Checkerboard((9, 6), 0.03)
    half = np.diag([0.5, 0.5, 1.0])
    for frame, (R, t) in enumerate(zip(*board_poses(14), strict=True), start=1001):
        for name, camera in zip(("left", "right"), rig, strict=True):
            plane = np.column_stack(((camera.R @ R)[:, :2], camera.R @ t + camera.t))
            path = day / "board" / name / f"b.{frame}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(board, half @ camera.K @ plane, (512, 384)))
    (day / "rigs.toml").write_text("""
[[rigs]]
name = "morning"
source = "board"
[rigs.board]
columns = 9
rows = 6
square_mm = 30
images = { left = "board/left", right = "board/right" }
""")
    return day


def board_take(day: Path, name: str) -> Path:
    folder = take(day, name)
    for camera in ("left", "right"):
        cv2.imwrite(str(folder / camera / "a.1001.png"), np.zeros((384, 512), np.uint8))
    return folder


def test_a_board_is_calibrated_once_for_takes_that_start_together(
    board_day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One does the work, the other waits for it; both have the same cameras, and a third finds them done."""
    calls: list[str] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(threading.current_thread().name)
        return calibrate_board(*args, **kwargs)

    monkeypatch.setattr(calibrate, "calibrate_board", counted)
    takes = [read_shoot(board_take(board_day, name) / "shoot.toml") for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(calibrate.main, takes))
    assert len(calls) == 1
    assert files[0].read_bytes() == files[1].read_bytes()
    done = vultus("calibrate", board_take(board_day, "three"))
    assert done.exit_code == 0, done.output
    assert len(calls) == 1
    shared = read_rig(board_day / "calibrations" / "morning" / "cameras.json")
    apart = np.linalg.norm(shared["left"].centre - shared["right"].centre)
    truth = arc_rig(2, degrees=25)
    assert apart == pytest.approx(np.linalg.norm(truth["cam0"].centre - truth["cam1"].centre), rel=5e-3)
    np.testing.assert_array_equal(
        read_rig(board_day / "three" / "results" / "cameras.json")["right"].K, shared["right"].K
    )


def test_waiting_for_another_take_can_be_interrupted(tmp_path: Path) -> None:
    """A held folder is waited for as long as nobody gives up."""
    with alone(tmp_path, lambda: None), pytest.raises(KeyboardInterrupt), alone(tmp_path, _give_up):
        pass
    with alone(tmp_path, _give_up):
        assert tmp_path.is_dir()


def _give_up() -> None:
    raise KeyboardInterrupt
