"""The model card of a trained network: facts that are known, under headings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template

CARD = Template("""# $name

Weights of a vultus landmark network: any 3D query on the canonical head, to a 2D Gaussian in the crop.

## Data

$data

## Training

- $steps steps in $minutes minutes on $device, $samples rendered samples in the last session.
- Start: $start. Seed: $seed.

## Measured on held-out synthetic samples

$measured

Sigma was calibrated on other held-out samples than these: by exp($offset), and by region of the head.

### Spread of the normalised residuals by region (1 is calibrated)

$regions

### Points that something covers

$hidden

## Settings

```json
$settings
```
""")

SYNTHETIC = (
    "Synthetic only: heads of the vultus head model (CC0 MakeHuman assets), rendered by its synthetic engine "
    "with exact labels. The renderer's settings stand below."
)
SKINS = (
    " Some heads wear photographic skins ({skins}), whose licence and credits belong here; the others are "
    "invented. No photographs of faces were trained on."
)
INVENTED = " All skins are invented: no photograph of a person was trained on."
MIXED = (
    "Synthetic heads, and labelled photographs: {real}. Their terms apply to these weights: they are not for "
    "release."
)


def write_card(path: Path, name: str, metrics: Mapping[str, object]) -> Path:
    """Write the card from the metrics of a run."""
    settings = metrics["settings"]
    if not isinstance(settings, Mapping):
        raise TypeError("the metrics of a run hold its settings")
    text = CARD.substitute(
        name=name,
        data=_data(settings),
        steps=metrics["steps"],
        minutes=metrics["minutes"],
        device=metrics["device"],
        samples=metrics["samples_this_session"],
        start=metrics["start"],
        seed=settings["seed"],
        measured=_listed(metrics["held_out"]),
        regions=_listed(metrics["spread_by_region"]),
        hidden=_listed(metrics["hidden"]),
        offset=metrics["log_sigma_offset"],
        settings=json.dumps(settings, indent=2),
    )
    path.write_text(text, encoding="utf-8")
    return path


def _listed(values: object) -> str:
    """A list of measurements by name."""
    if not isinstance(values, Mapping):
        raise TypeError("the measurements of a run have names")
    return "\n".join(f"- {key}: {value}" for key, value in values.items())


def _data(settings: Mapping[str, object]) -> str:
    """What the network learnt from, in words."""
    seen, datasets = settings.get("seen"), settings.get("datasets")
    if isinstance(seen, list) and seen:
        shares = {}
        if isinstance(datasets, list):
            shares = {dataset["path"]: f" ({dataset['share']:.0%} of each batch)" for dataset in datasets}
        return MIXED.format(real=", ".join(f"{name}{shares.get(name, ' (before)')}" for name in seen))
    renderer = settings.get("renderer")
    skins = renderer.get("skins") if isinstance(renderer, Mapping) else None
    return SYNTHETIC + (SKINS.format(skins=skins) if skins else INVENTED)
