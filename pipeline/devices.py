"""Which device a stage runs on."""

from __future__ import annotations

import torch

from calibration.errors import UsageError


def torch_device(name: str) -> torch.device:
    """The device of a setting: ``auto`` is the GPU where there is one, else the processor.

    Raises:
        UsageError: the device is not on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"There is no device {name} on this machine",
            fix="Use device = 'auto' or look at CUDA_VISIBLE_DEVICES",
        )
    return device
