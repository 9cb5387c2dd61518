"""The text of a new shoot file: every key a TD is likely to set, with a comment that says what it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from calibration.boards.kinds import KINDS
from pipeline.shoot.board_guess import ASSUMED_MM, BoardGuess
from pipeline.shoot.discovery import Discovery


@dataclass(frozen=True)
class Draft:
    """What goes into a new shoot file.

    Attributes:
        name: of the shoot.
        root: the folder that paths are relative to, as it is to be written; "." for the file's own.
        frames: the frame range that was found, for a comment.
        movies: whether a camera is a movie.
        fps: frames per second.
        found: the cameras and their calibration.
        board: the board of the calibration; None where it could not be recognised.
        rigs: the file of rigs of the shoot day, as it is to be written; "" where there is none.
    """

    name: str
    root: str
    frames: str
    movies: bool
    fps: float
    found: Discovery
    board: BoardGuess | None
    rigs: str = ""


def shoot_text(draft: Draft) -> str:
    """The shoot file."""
    parts = (_general(draft), _cameras(draft), _calibration(draft), _STAGES)
    return "\n".join(parts)


def uses_board(found: Discovery) -> bool:
    """Whether the cameras are to be calibrated from images of a board: where no finished calibration lies."""
    return found.rig is None and bool(found.boards)


def _general(draft: Draft) -> str:
    own = draft.root == "."
    root = f"{'# ' if own else ''}root = {_quote(draft.root)}"
    remark = "the folder that the paths below are relative to; this file's own if not said"
    return f"""\
# A shoot of vultus. Written by `vultus init`: review it, above all what is marked CHECK.

[shoot]
name = {_quote(draft.name)}
# subject = "anna"       # the actor: whose expressions they are in an expression database
{root}   # {remark}
fps = {draft.fps:g}                # CHECK: images do not say their rate
# frames = "{draft.frames}"    # what to process: 1001-1520, 1001-1520x2 or 1001,1005-1010; all if not said
# date = 2026-11-20T10:15:00   # when it was shot, for rigs that are valid by date
output = "results"       # folder of the results, relative to this file
"""


def _cameras(draft: Draft) -> str:
    start = "# start_frame = 1001   # the number of the movie's first frame\n" if draft.movies else ""
    head = """\
# One table per camera. images is a folder of numbered images, a pattern such as "left/left.####.exr", or a
# movie. For linear images (EXR), exposure = 1.0 brightens by one stop before detection.
"""
    tables = (
        f"[cameras.{_key(name)}]\nimages = {_quote(path)}\n{start}"
        for name, path in draft.found.cameras.items()
    )
    return head + "\n".join(tables)


def _calibration(draft: Draft) -> str:
    if uses_board(draft.found):
        return _board(draft.board or _UNKNOWN, draft.found, known=draft.board is not None)
    if draft.rigs:
        return _from_rigs(draft.rigs)
    if draft.found.rig is None:
        return _from_head(tuple(draft.found.cameras))
    return f"""\
[calibration]
source = "file"
file = {_quote(draft.found.rig)}
# format = "opencv"      # one that "vultus cameras formats" names; told by the file itself if not said
# units = "mm"           # of files that do not say their unit: m, cm or mm
"""


def _from_rigs(file: str) -> str:
    return f"""\
# The calibrations of the shoot day, of which the one is used that is valid for this take.
[calibration]
source = "rigs"
file = {_quote(file)}
"""


def _from_head(cameras: tuple[str, ...]) -> str:
    pair = ", ".join(map(_quote, (*cameras, "camB")[:2]))
    return f"""\
# CHECK: there is no calibration, so the fit finds the cameras from the head that they see. Better, where
# there is one: a file of cameras (source = "file", file = "cameras.json"), or images of a board.
[calibration]
source = "head"
# Without this, all sizes are those of an average head. With it, the cameras have their true scale,
# and the head as far as the focal lengths are right. Measured between two lenses.
# distance = {{ between = [{pair}], mm = 1250 }}
"""


_UNKNOWN = BoardGuess("", "checkerboard", {"columns": 9, "rows": 6, "square_mm": ASSUMED_MM}, "square_mm")


def _board(board: BoardGuess, found: Discovery, *, known: bool) -> str:
    counted = f"{COUNTED[board.kind]}, as counted in the images" if known else "CHECK: it was not recognised"
    rest = {key: value for key, value in board.keys.items() if key not in ("columns", "rows", board.measured)}
    others = "".join(f"{key} = {_value(value)}{_remark(key, value)}\n" for key, value in rest.items())
    return f"""\
[calibration]
source = "board"

[calibration.board]
kind = "{board.kind}"    # {", ".join(KINDS)}
columns = {board.keys["columns"]}              # {counted}
rows = {board.keys["rows"]}
# CHECK THIS: {MEASURES[board.measured]} in millimetres. Images cannot tell, and every result scales with it.
{board.measured} = {ASSUMED_MM:g}
{others}# every = 10             # of long movies each tenth frame; some 200 images a camera if not said
# lens = "fisheye"       # brown, rational or fisheye; found out from the images if not said

# Folders, patterns, or movies: left = {{ images = "board/left.mov", start_frame = 995 }}
[calibration.board.images]
{_images(found.boards)}
{_lens_images(found.lenses)}"""


COUNTED = {"checkerboard": "inner corners", "charuco": "squares", "aprilgrid": "tags"}
MEASURES = {"square_mm": "the side of one square", "tag_mm": "the side of one tag"}


def _images(paths: Mapping[str, str]) -> str:
    return "\n".join(f"{_key(name)} = {_quote(path)}" for name, path in paths.items())


def _lens_images(paths: Mapping[str, str]) -> str:
    """Further images for the lenses, which need not be of the same moments."""
    return f"\n[calibration.board.lens_images]\n{_images(paths)}\n" if paths else ""


def _remark(key: str, value: float | str) -> str:
    """What to do with a length that was assumed from another one."""
    return (
        f"      # CHECK THIS: {value / ASSUMED_MM:g} of a square"
        if isinstance(value, float) and key.endswith("_mm")
        else ""
    )


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, (str, bool)) else f"{value:g}"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quote(name)


_STAGES = """\
[detect]
layout = "dense320"      # landmarks to find; see: vultus layouts list
# weights = "my.safetensors"   # a network of your own; the released one if not said
# face = "largest"       # which of several faces of an image: largest (near the middle), central, surest
# flip = true            # look at mirror images too, and average: a little steadier for twice the work
# upright = false        # look at heads as they are, and not turned upright
# region = "eyes-and-mouth"   # crop by these alone and not by the whole head: for faces from the front
# jitter = 4             # looks per image that are averaged: steadier landmarks for so many times the work
# device = "cuda"        # auto, cpu, cuda, cuda:1

[fit]
# model = "ict"          # a head model of others, brought in with: vultus model import
# What is known of the cameras: known (they stay as calibrated), refine (those that have moved since are
# found, and named), poses (the lenses, but not where they stand), unknown (nothing), moving (a single camera,
# in a hand). auto: what the calibration gives.
# cameras = "refine"
# refine_cameras = ["left"]    # those that were knocked, where you know; found out if not said
# What of the cameras to refine besides: camera_rotation, camera_translation, focal, distortion.
# refine = ["camera_rotation", "camera_translation"]
# solver = "lbfgs"       # lm (Levenberg-Marquardt) or lbfgs: the same answer, lm several times faster
# max_iterations = 200
# personal_shape = true  # detect all vertices; what all cameras see beyond the head model moves the neutral
# chunk = 1500           # frames that are fitted at once; longer takes in stretches, 0 for never
# identity_prior = "mixture"   # gaussian, or the mixture of the heads that the model was made from
# robust = "huber"       # how far landmarks are believed that lie far off: none, huber, geman_mcclure
# [fit.weights]          # landmarks, identity, expression, bounds, joints, temporal, intersect
# temporal = 0           # for frames that are separate poses and not a movie

[export]
formats = ["usd", "obj", "gltf", "arkit"]   # and alembic, ply, npz
# cameras = ["vultus", "usd", "chan", "stmap"]   # cameras for other programs; see: vultus cameras formats
# units = "cm"           # m, cm or mm (glTF is always in metres)
# up = "Z"               # Y or Z (glTF is always Y up)
# motion = "removed"     # the head's rigid motion: world (as it was), removed, or skull (the neck moves)
# frame_offset = -1000   # added to every frame number
# subdivision = 1        # levels of Catmull-Clark subdivision
# neutral_frames = "1001-1005"   # where the face is neutral: the ARKit weights are zero there
# parts = ["skin", "left_eye", "right_eye"]   # of the head; all if not said
# topology = "hero"      # on your own mesh and blend shapes, brought in with: vultus topology register
"""
