"""Which package may know which: what computes knows nothing of files, commands and machines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "calibration": set[str](),
    "fitting": {"calibration"},
    "detector": {"calibration", "fitting"},
    "pipeline": {"calibration", "fitting", "detector"},
    "pipeline/commands": {"calibration", "fitting", "detector", "pipeline", "jobs"},
    "jobs": {"calibration", "fitting", "detector", "pipeline"},
}
OURS = {name for name in MAY_IMPORT if "/" not in name} | {"tests", "docs"}
OF_THE_PIPELINE = {"click", "rich", "h5py", "dask", "distributed"}


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:2]) if parts[:2] == ("pipeline", "commands") else parts[0]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the first name of each import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    """calibration <- fitting <- detector <- pipeline <- jobs <- the commands, at any place in a file."""
    files = [path for path in (ROOT / package).rglob("*.py") if package_of(path) == package]
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imported(path)
        if name in OURS - MAY_IMPORT[package] - {package.split("/")[0]}
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["calibration", "fitting", "detector"])
def test_what_computes_knows_no_commands_and_no_stores(package: str) -> None:
    """Click, rich, HDF5 and Dask are the pipeline's: the packages below it work on arrays alone."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for line, name in imported(path)
        if name in OF_THE_PIPELINE
    ]
    assert not wrong
