"""Networks that a process loads once, however many shoots it looks at."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from detector.network import LandmarkNetwork
from detector.recent import Recent
from detector.weights import find_weights, load_network

MOST = 2
"""Networks that are kept: a process that goes from one kind of shoot to another and back."""

_networks: Recent[LandmarkNetwork] = Recent(MOST)


def shared_network(name_or_path: str | Path, device: str | torch.device = "cpu") -> LandmarkNetwork:
    """The network that all who ask for these weights on this device share: to look with, not to change.

    A file that has changed since is loaded anew.

    Raises:
        InputError: as :func:`detector.weights.load_network`.
    """
    path = find_weights(name_or_path)
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return _networks.get((content, str(torch.device(device))), lambda: load_network(path, device))


def forget_networks() -> None:
    """Let go of all of them, and with that of the memory that they hold."""
    _networks.clear()
