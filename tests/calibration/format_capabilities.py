"""What each format of cameras keeps, and random rigs that have no more than that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig


@dataclass(frozen=True)
class Capability:
    """What a format keeps of a rig.

    Attributes:
        target: the name of a file or folder to write.
        lenses: how many distortion coefficients of which models it holds: 4, 5, 8 or "fisheye".
        one_focal: whether it has one focal length per camera.
        centred: whether the principal point is the middle of the image.
        sizes: whether the image sizes have to be said.
        own_world: whether it keeps the world; else the first camera becomes it.
        binary: whether its files are no text.
        atol: largest difference in pixels, metres and coefficients; sin of an angle.
    """

    target: str
    lenses: tuple[int | str, ...] = (0, 4, 5, 8, "fisheye")
    one_focal: bool = False
    centred: bool = False
    sizes: bool = False
    own_world: bool = True
    binary: bool = False
    atol: float = 1e-9


CAPABILITIES = {
    "vultus": Capability("cameras.json", atol=0),
    "opencv": Capability("opencv"),
    "metashape": Capability("metashape.xml", (0, 4, 5, "fisheye")),
    "colmap": Capability("colmap", (0, 4, 5, 8, "fisheye"), binary=True),
    "colmap-text": Capability("colmap_text"),
    "realitycapture": Capability("rc.csv", (0, 4, 5), one_focal=True, sizes=True),
    "realitycapture-xmp": Capability("rc_xmp", (0, 4, 5), one_focal=True, sizes=True),
    "kalibr": Capability("chain.yaml", (0, 4, "fisheye"), own_world=False),
    "anipose": Capability("calibration.toml"),
    "chan": Capability("chan", (0,), one_focal=True, centred=True, sizes=True, atol=1e-6),
    "usd": Capability("rig.usda"),
}


def reals(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@st.composite
def rigs(draw: st.DrawFn, keeps: Capability) -> Rig:
    """Random rigs of one to four cameras, which differ in all that the format keeps."""
    letters = st.text("abzAZ019_- é", min_size=1, max_size=8).map(str.strip).filter(bool)
    names = draw(st.lists(letters, min_size=1, max_size=4, unique_by=str.lower))
    return Rig(tuple(draw(cameras(keeps, name)) for name in names))


@st.composite
def cameras(draw: st.DrawFn, keeps: Capability, name: str) -> Camera:
    width, height = draw(st.integers(16, 9000)), draw(st.integers(16, 9000))
    fx = draw(reals(0.4, 8)) * max(width, height)
    fy = fx if keeps.one_focal else fx * draw(reals(0.8, 1.25))
    cx, cy = (width - 1) / 2, (height - 1) / 2
    if not keeps.centred:
        cx, cy = cx + draw(reals(-0.3, 0.3)) * width, cy + draw(reals(-0.3, 0.3)) * height
    lens = draw(st.sampled_from(keeps.lenses))
    count = 4 if lens == "fisheye" else int(lens)
    distortion = np.array(draw(st.lists(reals(-0.4, 0.4), min_size=count, max_size=count)))
    angles = draw(st.tuples(reals(-180, 180), reals(-180, 180), reals(-180, 180)))
    R = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    centre = np.array(draw(st.tuples(reals(-5, 5), reals(-5, 5), reals(-5, 5))))
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return Camera(name, width, height, K, distortion, R, -R @ centre, fisheye=lens == "fisheye")


def an_example(keeps: Capability) -> Rig:
    """Three cameras that have all that the format keeps, none of whose numbers is a round one."""
    cameras = []
    for index, lens in enumerate((*keeps.lenses, *keeps.lenses)[-3:]):
        count = 4 if lens == "fisheye" else int(lens)
        fx = 1503.25 + index
        fy = fx if keeps.one_focal else fx + 1.5
        cx, cy = (511.5, 383.5) if keeps.centred else (515.25, 380.75)
        R = Rotation.from_euler("yxz", [20.5 * index - 15, 3.25, 1.75], degrees=True).as_matrix()
        cameras.append(
            Camera(
                f"cam{index}",
                1024,
                768,
                np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                np.linspace(0.0125, 0.0125 * count, count),
                R,
                np.array([0.125, -0.25, 1.5 + index]),
                lens == "fisheye",
            )
        )
    return Rig(tuple(cameras))
