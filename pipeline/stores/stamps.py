"""Knowing whether a stage that writes plain files is up to date.

Files such as ``cameras.json`` or ``head.glb`` cannot carry a fingerprint of their own, so the stage leaves
one beside its results, with the size of each file that it wrote: neither changed settings nor a file that was
deleted or cut short since goes unseen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from calibration.errors import InputError
from calibration.whole_file import whole_file

_FOLDER = ".vultus"


def is_current(output: Path, stage: str, fingerprint: str) -> bool:
    """Whether a stage has done this work, and all its files are still as it wrote them.

    Args:
        output: the folder of the results.
        stage: its name.
        fingerprint: of what it would do now.
    """
    try:
        stamp = json.loads(_stamp_file(output, stage).read_text(encoding="utf-8"))
        files: dict[str, int] = stamp["files"]
        return bool(stamp["fingerprint"] == fingerprint) and all(
            (output / name).stat().st_size == size for name, size in files.items()
        )
    except (OSError, ValueError, KeyError):
        return False


def stamped_fingerprint(output: Path, stage: str) -> str:
    """Of what a stage did last; empty where it left no stamp."""
    try:
        return str(json.loads(_stamp_file(output, stage).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError):
        return ""


def write_stamp(output: Path, stage: str, fingerprint: str, files: Iterable[Path]) -> None:
    """Remember that a stage has done its work.

    Raises:
        InputError: the folder cannot be written.
    """
    sizes = {file.relative_to(output).as_posix(): file.stat().st_size for file in files}
    text = json.dumps({"stage": stage, "fingerprint": fingerprint, "files": sizes}, indent=1)
    with whole_file(_stamp_file(output, stage)) as partial:
        partial.write_text(text, encoding="utf-8")


def clear_stamp(output: Path, stage: str) -> None:
    """Forget a stage before its files are written anew, so that half of them never count as done."""
    try:
        _stamp_file(output, stage).unlink(missing_ok=True)
    except OSError as error:
        raise InputError("The folder of the results cannot be written", where=str(output)) from error


def _stamp_file(output: Path, stage: str) -> Path:
    return output / _FOLDER / f"{stage}.json"
