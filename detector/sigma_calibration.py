"""The calibration of sigma by region of the head, fitted after training and kept with the weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from calibration.errors import UsageError
from detector.head_regions import REGIONS, region_weights


class SigmaCalibration(nn.Module):
    """What is added to log sigma, by where a query lies, so that normalised residuals have unit spread.

    From region to region the offsets pass smoothly into one another. All are zero at first, and in weights
    of before there were regions; such weights have the network's common offset alone.
    """

    region_offsets: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("region_offsets", torch.zeros(len(REGIONS)))

    def forward(self, queries: Tensor) -> Tensor:
        """Offsets (L,) of the natural log of sigma for queries (L, 3), canonical metres / QUERY_SCALE."""
        return region_weights(queries) @ self.region_offsets

    def set_offsets(self, offsets: Mapping[str, float]) -> None:
        """Replace all offsets, by name of the region; zero for those left out.

        Raises:
            UsageError: there is no such region.
        """
        unknown = sorted(offsets.keys() - set(REGIONS))
        if unknown:
            raise UsageError(
                f"there is no region of the head named {unknown[0]!r}",
                fix=f"Choose of {', '.join(REGIONS)}",
            )
        self.region_offsets.copy_(torch.tensor([float(offsets.get(name, 0.0)) for name in REGIONS]))

    def offsets(self) -> dict[str, float]:
        """The offsets by name of the region."""
        return dict(zip(REGIONS, self.region_offsets.tolist(), strict=True))

    def _load_from_state_dict(  # type: ignore[no-untyped-def]
        self, state_dict: dict[str, Tensor], prefix: str, *args, **kwargs
    ) -> None:
        """Weights and checkpoints of before there were regions leave the offsets at zero."""
        state_dict.setdefault(f"{prefix}region_offsets", torch.zeros_like(self.region_offsets))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
