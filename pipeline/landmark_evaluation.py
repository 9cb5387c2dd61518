"""How far predicted landmarks are from labels: photographs, held-out synthetic samples, shoots with truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from calibration.errors import InputError, UsageError
from calibration.formats import read_rig
from detector.datasets import IBUG68, read_dataset
from detector.evaluation.label_translation import (
    Translation,
    learn_translation,
    load_translation,
    network_digest,
    translation_layout,
)
from detector.evaluation.labelled_faces import LabelledFace, faces_of_photographs
from detector.evaluation.prediction import Comparison, predict_faces
from detector.evaluation.sample_faces import faces_of_samples, held_out_shards, hold_bones
from detector.evaluation.score import LandmarkScore, score
from detector.eyes_and_mouth import RegionRule, region_teller
from detector.layouts import Layout, layout
from detector.network import LandmarkNetwork
from detector.predictor import REGION_LAYOUT, Predictor, PredictorOptions
from detector.weights import load_network
from fitting.head_model import HeadModel, load_head_model
from pipeline.labelled_shoot import faces_of_shoot
from pipeline.progress import Progress, silent
from pipeline.shoot.files import find_shoot
from pipeline.truth import read_truth

SAMPLE_LAYOUTS = (IBUG68.name, "dense320", "dense703", "vertices", "teeth", "eyes")
"""What is measured on synthetic samples, whose labels are those of any layout."""

BONE_LAYOUTS = ("skull", "jaw")
"""What is measured on those of them that are labelled with bones."""

TRANSLATED = "ibug68, translated"
"""The name of the figures after label translation."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What to measure.

    Attributes:
        data: labelled photographs (any dataset that is read), a folder of samples, or a shoot with ``truth``.
        weights: a released name or a file.
        device: to compute on.
        own_search: find faces as in a shoot, instead of starting from the labels' region.
        options: of the predictor.
        region: what tells the regions to look at; the second look at each face is at that region.
        layouts: to be measured on samples; none for the usual ones.
        truth: archive of the true surfaces of a shoot, with ``cameras.json`` beside it.
        translate: labelled photographs to learn label translation from, or a file of one learned before.
    """

    data: Path
    weights: str | Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    own_search: bool = False
    options: PredictorOptions = field(default_factory=PredictorOptions)
    region: RegionRule = "head"
    layouts: tuple[str, ...] = ()
    truth: Path | None = None
    translate: Path | None = None


@dataclass(frozen=True, eq=False)
class LandmarkEvaluation:
    """What was measured.

    Attributes:
        request: what was asked.
        comparisons: by name, each with its figures in
        scores: by the same name.
        translation: what was learned, where it was asked for.
    """

    request: EvaluationRequest
    comparisons: dict[str, Comparison]
    scores: dict[str, LandmarkScore]
    translation: Translation | None = None


def evaluate_landmarks(request: EvaluationRequest, progress: Progress = silent) -> LandmarkEvaluation:
    """Measure.

    Raises:
        InputError: data or weights are missing or malformed.
        UsageError: there is no such layout, or the request makes no sense.
    """
    bench = _Bench(request, load_network(request.weights, request.device), load_head_model(), progress)
    translation = None
    if request.truth is None and request.data.is_dir() and held_out_shards(request.data):
        if request.translate is not None:
            raise UsageError("synthetic samples have our own labels, which need no translation")
        comparisons = bench.samples()
    else:
        faces = bench.labelled_faces()
        if request.layouts not in ((), (IBUG68.name,)):
            raise UsageError(f"these faces have labels of {IBUG68.name} alone, not of other layouts")
        if request.translate is None:
            comparisons = {IBUG68.name: bench.predict(bench.sparse, faces)}
        else:
            translation = bench.translation(request.translate)
            dense = bench.predict(translation_layout(bench.model), faces)
            comparisons = {IBUG68.name: dense.first(IBUG68.count), TRANSLATED: translation(dense)}
    scores = {name: score(comparison) for name, comparison in comparisons.items()}
    return LandmarkEvaluation(request, comparisons, scores, translation)


class _Bench:
    """One network on several sets of faces."""

    def __init__(
        self, request: EvaluationRequest, network: LandmarkNetwork, model: HeadModel, progress: Progress
    ) -> None:
        self.request, self.network, self.model, self.progress = request, network, model, progress
        self.sparse = layout(IBUG68.name, model)
        self.options = replace(request.options, face=region_teller(request.region, model))

    def predict(self, wanted: Layout, faces: Sequence[LabelledFace]) -> Comparison:
        """Predictions of a layout beside the faces' labels."""
        predictor = Predictor(self.network, wanted, layout(REGION_LAYOUT, self.model), self.options)
        return predict_faces(predictor, faces, own_search=self.request.own_search, progress=self.progress)

    def samples(self) -> dict[str, Comparison]:
        """Of each layout, on held-out synthetic samples, which are looked at once for all layouts."""
        names, vertices = self._sample_layouts(), len(self.model.mean)
        wanted = [layout(name, self.model) for name in names]
        faces = faces_of_samples(self.request.data, wanted, self.sparse, vertices)
        together = Layout(" and ".join(names), torch.cat([each.queries for each in wanted]))
        found = self.predict(together, faces)
        return dict(zip(names, found.split([len(each) for each in wanted]), strict=True))

    def _sample_layouts(self) -> tuple[str, ...]:
        """Those that were asked for, or all that the network and the samples know."""
        config = self.network.config
        if self.request.layouts:
            return self.request.layouts
        if config.predictor == "plain":
            return (config.layout,)
        bones = hold_bones(self.request.data, len(self.model.mean))
        return (*SAMPLE_LAYOUTS, *BONE_LAYOUTS) if bones else SAMPLE_LAYOUTS

    def labelled_faces(self) -> list[LabelledFace]:
        """Of photographs, or of a shoot with ground truth."""
        truth, data = self.request.truth, self.request.data
        if truth is None:
            return faces_of_photographs(read_dataset(data), self.sparse)
        rig = read_rig(truth.parent / "cameras.json")
        return faces_of_shoot(find_shoot(data), read_truth(truth), rig, self.sparse)

    def translation(self, source: Path) -> Translation:
        """Learned from labelled photographs, or read from a file."""
        digest = network_digest(self.network)
        if source.suffix == ".npz":
            return load_translation(source, digest)
        if source.resolve() == self.request.data.resolve():
            raise InputError(
                "a label translation is not to be learned from the photographs that it is measured on",
                where=str(source),
                fix="Name the training photographs of the label set",
            )
        faces = faces_of_photographs(read_dataset(source), self.sparse)
        return learn_translation(self.predict(translation_layout(self.model), faces), digest)
