"""What samples are labelled with, and what is asked of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from calibration.errors import InputError
from detector.training.queries import BONE_SHARE, SPANS, SPARSE_LAYOUT, QuerySampler
from detector.training.samples import SampleBuffer, SampleChunk, known, pack_positions
from fitting.head_model import load_head_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sampler() -> QuerySampler:
    return QuerySampler(load_head_model(), CPU)


def chunk(labels: int, value: float) -> SampleChunk:
    """Two samples of 4 pixels whose labels all lie at one place."""
    pixels = np.full((2, labels, 2), value)
    return SampleChunk(0, False, np.zeros((2, 4, 4, 3), np.uint8), pack_positions(pixels))


def test_samples_without_bones_still_serve(sampler: QuerySampler) -> None:
    """Labels that older samples lack weigh nothing, and are numbers; those that they have weigh one."""
    labels, bones = sampler.label_count, sampler.bone_count
    buffer = SampleBuffer(4, 4, labels, CPU, bones)
    buffer.add(chunk(labels - bones, 7.0))
    buffer.add(chunk(labels, -2000.0))
    _, pixels = buffer.part(0, 4)
    assert bool(torch.isfinite(pixels).all())
    assert known(pixels).sum(1).tolist() == [labels - bones] * 2 + [labels] * 2
    batch = sampler.draw(300, torch.Generator().manual_seed(0))
    weights = batch.labelled(pixels)
    on_bone = batch.vertices[:, 0] >= labels - bones
    assert weights[:2, on_bone].max() == 0
    assert weights[:2, ~on_bone].min() == 1
    assert weights[2:].min() == 1


def test_samples_of_another_head_are_refused() -> None:
    """Neither all labels nor all that must be there: not our samples."""
    with pytest.raises(InputError, match="5 labels, expected 4 and 8"):
        SampleBuffer(4, 4, 8, CPU, 2).add(chunk(5, 0.0))


def test_a_step_asks_for_bones_too(sampler: QuerySampler) -> None:
    """A share of the queries lies inside the head, never the same point twice."""
    batch = sampler.draw(468, torch.Generator().manual_seed(1))
    bones = batch.vertices[batch.vertices[:, 0] >= sampler.label_count - sampler.bone_count, 0]
    assert len(bones) == round(BONE_SHARE * 400) == len(set(bones.tolist()))
    torch.testing.assert_close(batch.queries[-len(bones) :], sampler.canonical[bones])


def test_the_spans_are_of_the_landmarks_that_lead_every_draw(sampler: QuerySampler) -> None:
    """The pairs of the spans mean the landmarks of the sparse layout, wherever else a step asks."""
    batch = sampler.draw(100, torch.Generator().manual_seed(0))
    sparse = sampler.layouts[SPARSE_LAYOUT].queries
    torch.testing.assert_close(batch.queries[: len(sparse)], sparse)
    openings = SPANS[:10]
    apart = (sparse[[a for a, _ in openings]] - sparse[[b for _, b in openings]]).abs()
    # across, not along: canonical +y is up
    assert bool((apart[:, 1] > apart[:, 0]).all())
