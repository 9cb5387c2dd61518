"""Renders the demo shoot that comes with vultus: `python -m pipeline.demo.make_shoot FOLDER`.

It needs OpenGL through EGL, and takes some minutes without a GPU. Nobody in it is real: the head is drawn
from the head model, the skin is procedural.
"""

from __future__ import annotations

import sys
from pathlib import Path

from detector.synthetic.engine import EngineOptions
from detector.synthetic.render_shoot import ShootOptions, render_shoot
from fitting.head_model import load_head_model

# Chosen for a face that short hair leaves free.
OPTIONS = ShootOptions(
    identity_seed=11,
    costume_seed=2,
    quality=88,
    engine=EngineOptions(supersample=2, multisample=False),
)


def main() -> None:
    """Render into the folder of the command line."""
    folder = render_shoot(load_head_model(), Path(sys.argv[1]), options=OPTIONS, progress=_tell)
    sys.stdout.write(f"{folder}\n")


def _tell(done: int, total: int, label: str) -> None:
    sys.stderr.write(f"\r{done}/{total} {label:40s}")


if __name__ == "__main__":
    main()
