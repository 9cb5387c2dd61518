"""Whether the workers run what the client runs: other versions, other bytes."""

from __future__ import annotations

import platform
from importlib import metadata

from distributed import Client

from calibration.errors import InputError
from jobs.clusters.cluster import Say

DISTRIBUTIONS = ("vultus", "torch", "numpy", "opencv-python-headless", "distributed")
"""That results, or the talk between the machines, depend on."""


def versions() -> dict[str, str]:
    """Of this process: of Python, and of what results depend on; empty for what is not there."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def check_versions(client: Client, say: Say) -> None:
    """Say which workers have other versions than this process.

    Raises:
        InputError: a worker has no vultus at all.
    """
    ours = versions()
    for worker, theirs in client.run(versions, on_error="return").items():
        if isinstance(theirs, ModuleNotFoundError) or (isinstance(theirs, dict) and not theirs["vultus"]):
            raise InputError(
                "vultus is not installed on the worker",
                where=worker,
                fix="Start the worker with a Python that has it",
            )
        if isinstance(theirs, dict):
            other = [
                f"{name} {theirs[name]} (here {ours[name]})" for name in ours if theirs[name] != ours[name]
            ]
            if other:
                say(f"Worker {worker} has {', '.join(other)}: its results may differ in their last digits")
