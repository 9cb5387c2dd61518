"""Draws the wall of synthetic samples that the README shows: `python docs/make_sample_picture.py [SKINS]`.

It needs OpenGL through EGL. SKINS is a folder of photographic skins; without it all skins are invented.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from detector.synthetic.engine import EngineOptions, SyntheticEngine
from fitting.head_model import load_head_model
from pipeline.drawing.tiles import wall

HERE = Path(__file__).parent
SEEDS = range(5000, 5032)
SIDE = 160


def main() -> None:
    """Write the picture beside this file."""
    skins = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    engine = SyntheticEngine(load_head_model(), EngineOptions(size=SIDE, skins=skins))
    picture = wall([engine.sample(seed).image for seed in SEEDS], columns=8)
    cv2.imwrite(str(HERE / "synthetic.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
