"""What became of the cameras since they were calibrated: ``drift.json``, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from calibration.errors import InputError
from calibration.whole_file import whole_file
from fitting.cameras.drift import CameraDrift, describe_drift

_UNITS = "degrees, metres, pixels at the head; focal: relative change"


def write_drift(path: Path, drift: Sequence[CameraDrift]) -> None:
    """Write the drift of each camera, and what it comes to in words; an older file goes where there is none.

    Raises:
        InputError: it cannot be written.
    """
    if not drift:
        path.unlink(missing_ok=True)
        return
    cameras = [asdict(each) | {"times": each.times, "moved": each.moved} for each in drift]
    document = {"units": _UNITS, "words": describe_drift(drift), "cameras": cameras}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_drift(path: Path) -> tuple[str, ...]:
    """What it comes to in words; nothing where no drift was looked for.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return ()
    try:
        return tuple(str(line) for line in json.loads(path.read_text(encoding="utf-8"))["words"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("The file cannot be read", where=str(path), fix="Run: vultus fit --force") from error
