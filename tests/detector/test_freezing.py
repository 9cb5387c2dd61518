"""Training without a GPU keeps the first stages of a backbone as they are."""

from __future__ import annotations

import pytest
import timm
import torch

from calibration.errors import UsageError
from detector.training.start import freeze_stages


def test_frozen_stages_keep_weights_and_statistics_and_the_others_learn() -> None:
    """A step moves neither the weights nor the running statistics of what is frozen, but the rest of both."""
    torch.manual_seed(0)
    backbone = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="").train()
    freeze_stages(backbone, 3)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    backbone(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimiser.step()
    changed = {name for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])}
    frozen = ("conv_stem", "bn1.", "blocks.0.", "blocks.1.", "blocks.2.")
    assert not [name for name in changed if name.startswith(frozen)]
    learning = {name for name in before if not name.startswith(frozen)}
    assert changed == learning


def test_more_stages_than_there_are_cannot_be_frozen() -> None:
    """A wrong number is told, not quietly cut."""
    backbone = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="")
    with pytest.raises(UsageError, match="7 stages"):
        freeze_stages(backbone, 7)
