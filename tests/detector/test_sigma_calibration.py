"""The calibration of sigma by region."""

from __future__ import annotations

import pytest
import torch

from calibration.errors import UsageError
from detector.region import QUERY_SCALE
from detector.sigma_calibration import SigmaCalibration

NOSE_TIP = torch.tensor([[0.0, -0.040, 0.046]]) / QUERY_SCALE
OCCIPUT = torch.tensor([[0.0, 0.020, -0.174]]) / QUERY_SCALE


def test_each_region_has_its_own_offset() -> None:
    """A region's offset applies in its middle and nowhere far from it."""
    calibration = SigmaCalibration()
    calibration.set_offsets({"nose": 0.3})
    assert float(calibration(NOSE_TIP)) == pytest.approx(0.3, abs=1e-3)
    assert float(calibration(OCCIPUT)) == pytest.approx(0.0, abs=1e-3)
    assert calibration.offsets()["nose"] == pytest.approx(0.3)


def test_offsets_have_no_steps() -> None:
    """Along a line over the cheek the offset changes by little from one tenth of a millimetre to the next."""
    calibration = SigmaCalibration()
    calibration.set_offsets({"nose": 0.5, "cheeks": -0.5, "jaw line": 0.2})
    line = torch.linspace(0, 0.07, 700)
    queries = torch.stack([line, torch.full_like(line, -0.03), 0.03 - line], dim=-1) / QUERY_SCALE
    values = calibration(queries)
    assert values.diff().abs().max() < 0.05
    assert values.max() - values.min() > 0.8


def test_weights_without_regions_load() -> None:
    """The state of a network of before the regions leaves them at zero; a later one comes back."""
    calibration = SigmaCalibration()
    calibration.set_offsets({"ears": 0.4})
    state = {name: value.clone() for name, value in calibration.state_dict().items()}
    calibration.load_state_dict({})
    assert not calibration.region_offsets.any()
    calibration.load_state_dict(state)
    assert calibration.offsets()["ears"] == pytest.approx(0.4)


def test_an_unknown_region_is_refused() -> None:
    """The message names those that there are."""
    with pytest.raises(UsageError, match="back of head"):
        SigmaCalibration().set_offsets({"elbow": 1.0})
