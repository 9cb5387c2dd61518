"""What each choice of the training is worth: short trainings that differ in one thing, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from calibration.errors import InputError, UsageError
from calibration.whole_file import whole_file
from detector.datasets import read_dataset
from detector.evaluation.labelled_faces import faces_of_photographs
from detector.evaluation.prediction import predict_faces
from detector.evaluation.score import score
from detector.layouts import layout
from detector.network_config import NetworkConfig
from detector.predictor import Predictor
from detector.training.ablation_table import Row, write_table
from detector.training.config import TrainConfig, torch_device
from detector.training.photograph_samples import MixedDataset
from detector.training.presets import training_preset
from detector.training.run import train
from detector.training.samples import list_shards
from detector.training.stream import Sampler
from detector.weights import load_network
from fitting.head_model import HeadModel, load_head_model

Progress = Callable[[int, int, str], None]

REFERENCE = "reference"
NAME = "weights"
RESULT, PLAN = "result.json", "plan.json"
SPARSE = "ibug68"
PHOTOGRAPH_SHARE = 0.25
EVERY_SAMPLE = 10**9
"""Samples to wait for: all that there are, so that every training sees the same."""

KEPT = ("batch_size", "queries", "learning_rate", "warmup_steps", "frozen_stages")
"""What of the preset's settings the trainings keep."""


@dataclass(frozen=True)
class AblationPlan:
    """What to compare, and on what.

    Attributes:
        output: folder of the trainings and of the table.
        samples: folder of rendered heads, some of them held out.
        minutes: the reference trains so long; the others as many steps as it took.
        steps: the length of each training, instead.
        photographs: labelled photographs to measure on; never trained on.
        mix: labelled photographs for the training on a mix.
        preset: the network and the settings that the trainings share.
        init: where they start, see :class:`TrainConfig`.
        seed: of all of them.
        only: names of variants to train beside the reference; none for all.
        device: "auto", "cuda" or "cpu".

    Raises:
        UsageError: the length is not given, or given twice.
    """

    output: Path
    samples: Path
    minutes: float | None = None
    steps: int | None = None
    photographs: Path | None = None
    mix: Path | None = None
    preset: str = "small"
    init: str = "imagenet"
    seed: int = 0
    only: tuple[str, ...] = ()
    device: str = "auto"

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise UsageError("give the length of a training as either minutes or steps")

    def facts(self) -> dict[str, object]:
        """What results depend on; a folder with others cannot be gone on with."""
        folders = {"samples": self.samples, "photographs": self.photographs, "mix": self.mix}
        return {
            **{name: str(path.resolve()) if path else None for name, path in folders.items()},
            **{name: getattr(self, name) for name in ("minutes", "steps", "preset", "init", "seed")},
        }


@dataclass(frozen=True)
class Variant:
    """One training.

    Attributes:
        name: of its folder.
        question: what it is compared for.
        answer: what it does about it.
        settings: of the training, where they differ from the reference's.
        network: of the network, likewise.
    """

    name: str
    question: str
    answer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _NoRenderer:
    """Ablations read the folder of samples and render nothing."""

    def __call__(self) -> Sampler:
        raise UsageError("an ablation renders no samples")


def variants(plan: AblationPlan, reference: NetworkConfig) -> list[Variant]:
    """The trainings, the reference first.

    Raises:
        UsageError: the plan names one that there is not.
    """
    plain = {"predictor": "plain", "layout": SPARSE, "layout_size": 68}
    predictors = {
        "attention": "attention to a map of features",
        "mlp": "MLP (C23)",
        "transformer": "transformer (C23)",
    }
    found = [
        Variant("l2", "loss", "L2", {"loss": "l2"}),
        Variant("colour", "augmentation", "colour only", {"augmentation": "colour"}),
        Variant("geometry", "augmentation", "geometry only", {"augmentation": "geometry"}),
        Variant("no-augmentation", "augmentation", "none", {"augmentation": "none"}),
        *(
            Variant(name, "predictor", text, network={"predictor": name})
            for name, text in predictors.items()
            if name != reference.predictor
        ),
        Variant("plain", "predictor", "final layer for 68 landmarks (W22)", network=plain),
    ]
    if plan.mix is not None:
        mix = (MixedDataset(plan.mix, PHOTOGRAPH_SHARE),)
        text = f"with {PHOTOGRAPH_SHARE:.0%} photographs; not for release"
        found.append(Variant("mixed-not-for-release", "data", text, {"datasets": mix}))
    names = [variant.name for variant in found]
    if unknown := sorted(set(plan.only) - set(names)):
        raise UsageError(f"there is no variant named {unknown[0]!r}", fix=f"Choose of {', '.join(names)}")
    chosen = [variant for variant in found if not plan.only or variant.name in plan.only]
    text = f"GNLL, colour and geometry, {predictors.get(reference.predictor, reference.predictor)}, synthetic"
    return [Variant(REFERENCE, "all", text), *chosen]


def ablate(plan: AblationPlan, progress: Progress | None = None, model: HeadModel | None = None) -> Path:
    """Train all variants for as many steps, with the same seed and samples, and compare them.

    What is done is not done again: a plan that was stopped goes on in the same folder, within a training
    from its checkpoint.

    Returns:
        The table (Markdown), beside the same as JSON.

    Raises:
        UsageError: the folder is of another plan.
        InputError: samples or photographs are missing.
    """
    _claim(plan)
    if not list_shards(plan.samples):
        raise InputError(
            "there are no samples", where=str(plan.samples), fix="Keep some: vultus train --samples"
        )
    model = model or load_head_model()
    reference = training_preset(plan.preset).network
    rows: list[Row] = []
    todo = variants(plan, reference)
    for index, variant in enumerate(todo):
        report = _labelled(progress, f"{variant.name} ({index + 1} of {len(todo)})")
        rows.append(_row(plan, variant, rows[0].steps if rows else None, report, model))
        table = write_table(plan.output, rows)
    return table


def _claim(plan: AblationPlan) -> None:
    """Make the folder this plan's."""
    path = plan.output / PLAN
    facts = plan.facts()
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise UsageError(
            "the folder has trainings of another plan", where=str(plan.output), fix="Name a new folder"
        )
    plan.output.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _row(
    plan: AblationPlan, variant: Variant, steps: int | None, progress: Progress | None, model: HeadModel
) -> Row:
    """Train and measure one variant, or read what was measured before."""
    folder = plan.output / variant.name
    if (folder / RESULT).is_file():
        return Row.from_json(json.loads((folder / RESULT).read_text(encoding="utf-8")))
    weights = train(_config(plan, variant, steps), progress, model)
    metrics = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    found = _on_photographs(weights, plan, progress, model) if plan.photographs is not None else None
    row = Row.of(variant.name, variant.question, variant.answer, metrics, found)
    with whole_file(folder / RESULT) as partial:
        partial.write_text(json.dumps(row.facts(), indent=2) + "\n", encoding="utf-8")
    return row


def _config(plan: AblationPlan, variant: Variant, steps: int | None) -> TrainConfig:
    preset = training_preset(plan.preset)
    length = plan.steps if plan.steps is not None else steps
    config = TrainConfig(
        output=plan.output / variant.name,
        factory=_NoRenderer(),
        name=NAME,
        network=replace(preset.network, **variant.network),
        init=plan.init,
        minutes=plan.minutes if length is None else None,
        steps=length,
        resume=True,
        seed=plan.seed,
        workers=0,
        samples=plan.samples,
        min_samples=EVERY_SAMPLE,
        checkpoint_seconds=60.0,
        device=plan.device,
    )
    shared: dict[str, Any] = {key: value for key, value in preset.settings.items() if key in KEPT}
    return replace(config, **shared | dict(variant.settings))


def _on_photographs(
    weights: Path, plan: AblationPlan, progress: Progress | None, model: HeadModel
) -> dict[str, Any]:
    """Figures of the 68 landmarks on the labelled photographs, from the labels' regions."""
    if plan.photographs is None:
        return {}
    sparse = layout(SPARSE, model)
    network = load_network(weights, torch_device(plan.device))
    # a plain network knows no other landmarks to find its region by, so none may use them
    predictor = Predictor(network, sparse, sparse)
    faces = faces_of_photographs(read_dataset(plan.photographs), sparse)
    return score(predict_faces(predictor, faces, own_search=False, progress=progress)).facts()


def _labelled(progress: Progress | None, name: str) -> Progress | None:
    """A progress whose labels begin with a name."""
    if progress is None:
        return None
    return lambda done, total, label: progress(done, total, f"{name}: {label}")
